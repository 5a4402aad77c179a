mod drops;
mod eavesdropper;
mod honest;
mod hostile;
mod pair;
mod predict;
