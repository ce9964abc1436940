//! How reasons are written down: each with its code, its sentence, when it is given and what to do, none of them left out.

/// One reason, as `docs/reasons.md` lists it.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The stable code.
    pub code: &'static str,
    /// The sentence, with parameters in braces.
    pub sentence: &'static str,
    /// When it is given. Only the document says it.
    #[cfg(test)]
    pub when: &'static str,
    /// What to do.
    pub advice: &'static str,
}

/// Makes an enum of reasons. A variant's comment says when it is given; then come code, sentence and what to do. A sentence
/// names every parameter of its variant in braces.
macro_rules! reasons {
    ($(#[$about:meta])* $name:ident {
        $(
            #[doc = $when:literal]
            $variant:ident $({ $($field:ident: $type:ty),+ })? => $code:literal, $sentence:literal, $advice:literal;
        )+
    }) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name {
            $(
                #[doc = $when]
                $variant $({ $(#[doc = concat!("What the sentence says at `", stringify!($field), "`.")] $field: $type),+ })?,
            )+
        }

        impl $name {
            pub(super) const TABLE: &[$crate::domain::reason::table::Entry] = &[
                $($crate::domain::reason::table::Entry {
                    code: $code,
                    sentence: $sentence,
                    #[cfg(test)]
                    when: $when,
                    advice: $advice,
                },)+
            ];

            /// The stable code, which never changes.
            pub const fn code(&self) -> &'static str {
                match self {
                    $(Self::$variant $({ $($field: _),+ })? => $code,)+
                }
            }

            pub(super) fn parameters(&self) -> Vec<(&'static str, serde_json::Value)> {
                match self {
                    $(Self::$variant $({ $($field),+ })? => {
                        vec![$($((stringify!($field), serde_json::json!($field))),+)?]
                    })+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$variant $({ $($field),+ })? => write!(formatter, $sentence),)+
                }
            }
        }
    };
}

pub(super) use reasons;
