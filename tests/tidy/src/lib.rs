//! Hold the house to its own rules: layers, file lengths, names, first lines.
