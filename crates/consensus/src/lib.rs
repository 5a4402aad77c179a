//! Agree on blocks among members that may lie: the `Orderer` trait, the `Application` it drives, the suite, `solo`.
