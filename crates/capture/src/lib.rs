//! Take events in: validate, seal, sign, submit, return a receipt.
