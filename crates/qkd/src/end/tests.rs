mod drops;
mod eavesdropper;
mod honest;
mod hostile;
mod lies;
mod pair;
mod predict;
