//! What the whole house does, seen from outside.

mod architecture;
