//! Parse, check and print GS1 identifiers and Digital Links.
