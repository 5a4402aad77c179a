mod drops;
mod eavesdropper;
mod honest;
mod hostile;
mod lies;
pub(crate) mod pair;
mod predict;
