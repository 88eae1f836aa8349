//! Which words does a code have? Enums whose variants are numbers on disk and labels in metrics.
//!
//! One table a kind: the variant's place is its number, so a table that stands in a journal is
//! appended to only. Used by every room that counts reasons or writes them down; hot, pure.

/// Each name becomes an enum of one byte with `ALL` in order, `label` (the metric label and the
/// word in explanations) and `from_code`, the inverse of `self as u8`.
macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident {
        $($(#[$of_variant:meta])* $variant:ident = $label:literal;)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum $name { $($(#[$of_variant])* $variant),* }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The metric label and the word in explanations.
            pub const fn label(self) -> &'static str {
                match self { $($name::$variant => $label),* }
            }

            /// The inverse of `self as u8`.
            pub fn from_code(code: u8) -> Option<$name> {
                $name::ALL.get(usize::from(code)).copied()
            }
        }
    )*};
}

pub(crate) use labels;

#[cfg(test)]
mod tests {
    labels! {
        /// Two of them.
        Side {
            Left = "left";
            Right = "right";
        }
    }

    #[test]
    fn a_code_leads_back_to_its_label() {
        let told: Vec<_> = Side::ALL.iter().map(|side| (*side as u8, side.label())).collect();
        assert_eq!(told, [(0, "left"), (1, "right")]);
        assert_eq!(Side::from_code(1), Some(Side::Right));
        assert_eq!(Side::from_code(2), None);
    }
}
