//! Name the parties: members, sites, roles, keys.
