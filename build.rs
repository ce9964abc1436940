//! Migrations are embedded by a macro that cargo cannot look into: without this a changed `.sql` file would not be built.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
