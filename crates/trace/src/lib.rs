//! Answer where it was, who held it, what it became and what it was made of, each step with its proof.
