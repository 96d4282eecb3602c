//! Nothing that a user has in scope changes what the generated code means, and it warns of nothing.
#![deny(
    warnings,
    missing_docs,
    unused_qualifications,
    unreachable_pub,
    clippy::pedantic
)]
#![allow(missing_debug_implementations)]

/// The names of the prelude, for other things.
pub mod shadowed {
    #![allow(
        dead_code,
        non_camel_case_types,
        non_snake_case,
        non_upper_case_globals
    )]

    use ::std::clone::Clone;
    use ::std::fmt::Debug;

    pub(crate) struct Option;
    pub(crate) struct Vec;
    pub(crate) struct String;
    pub(crate) struct Box;
    pub(crate) struct Payload;
    pub(crate) struct Codec;
    pub(crate) struct Serialize;
    pub(crate) struct Deserialize;
    pub(crate) struct u32;
    pub(crate) fn Some() {}
    pub(crate) fn None() {}
    pub(crate) fn Ok() {}
    pub(crate) fn Err() {}
    pub(crate) const out: u32 = u32;
    pub(crate) const codec: u32 = u32;
    pub(crate) const stored: u32 = u32;
    pub(crate) const payload: u32 = u32;
    pub(crate) const upcast: u32 = u32;
    pub(crate) mod core {}
    pub(crate) mod std {}
    pub(crate) mod es_core {}
    pub(crate) mod serde {}
    pub(crate) trait Default {}
    pub(crate) trait From {}
    pub(crate) trait AsRef {}
    pub(crate) trait Encode {
        fn encode(&self) {}
        fn decode(&self) {}
        fn name(&self) {}
    }
    impl<T> Encode for T {}

    /// An enum with a name of the prelude, and variants with names of the prelude.
    #[derive(::es_core::Event)]
    #[event(prefix = "Result")]
    pub enum Result {
        /// A name of the prelude.
        Ok {
            /// A field.
            number: ::std::primitive::u8,
            /// A field.
            bytes: ::std::vec::Vec<::std::primitive::u8>,
            /// A field.
            text: ::std::option::Option<::std::string::String>,
        },
        /// A name of the prelude.
        Err(::std::string::String),
        /// A name of the prelude.
        #[event(version = 2, upcast(from = 1, with = upcast_none))]
        None,
        /// A name of the trait.
        SCHEMAS,
        /// A name of the trait.
        Event,
    }

    pub(crate) fn upcast_none(_: ()) -> Result {
        Result::None
    }

    /// A union with names of the prelude.
    #[derive(::es_core::Event)]
    #[event(union)]
    pub enum Events {
        /// A name of the prelude.
        Ok(Result),
    }

    /// A command with a name of the prelude.
    #[derive(Clone, Debug, ::es_core::Command)]
    pub enum Command {
        /// A name of the prelude.
        Some {
            /// The id.
            #[command(id)]
            name: ::std::string::String,
        },
    }
}

/// Old things are kept without warnings.
pub mod deprecated {
    use es_core::{Codec, Command, Event, Payload};

    /// An event.
    #[derive(Event)]
    #[event(prefix = "Old")]
    pub enum OldEvent {
        /// Replaced.
        #[deprecated = "replaced"]
        Replaced {
            /// Replaced.
            #[deprecated = "replaced"]
            field: u8,
        },
        /// Large.
        Large([u64; 32]),
        /// Small.
        #[allow(non_camel_case_types, non_snake_case)]
        small {
            /// A field.
            fieldName: u8,
        },
    }

    /// A command.
    #[derive(Clone, Command)]
    pub enum OldCommand {
        /// Replaced.
        #[deprecated = "replaced"]
        Replaced {
            /// Replaced.
            #[deprecated = "replaced"]
            #[command(id)]
            id: String,
        },
    }

    /// The names of the traits are in use.
    pub fn in_use(_: Codec, _: Payload<'_>) {}
}

/// In a function, and from a macro.
pub fn local() {
    macro_rules! events {
        ($name:ident, $variant:ident, $field:ident: $ty:ty, $upcast:path) => {
            #[derive(es_core::Event)]
            #[event(prefix = "Local")]
            enum $name {
                #[event(version = 2, upcast(from = 1, with = $upcast))]
                $variant { $field: $ty },
            }
        };
    }
    fn upcast(number: u8) -> Local {
        Local::Happened {
            times: number.into(),
        }
    }
    events!(Local, Happened, times: u64, upcast);
    let Local::Happened { times } = upcast(1);
    assert_eq!(times, 1);
}

fn main() {
    local();
    deprecated::in_use(es_core::Codec::Json, es_core::Payload::Json(""));
}
