//! What the pool must know of the line that fills it.

/// The state of the line that fills a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineState {
    /// The two ends are connected.
    Up,
    /// They are not; keys that both hold can still be drawn.
    Down,
    /// An eavesdropper was seen or could not be excluded: nothing is drawn until an operator
    /// restores the line. What the far end drew before can still be recovered.
    ShutDown {
        /// What was seen.
        reason: String,
    },
}
