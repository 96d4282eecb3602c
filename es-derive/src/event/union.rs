//! `#[event(union)]`: one event type for several.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Data, DeriveInput, Field, Fields, Ident, Meta, Type};

use super::attributes::{Unknown, unknown};
use crate::attributes::{Errors, Place, set};

const ON_UNION: Place = Place { attribute: "event", on: "a union", keys: &["union", "unknown"] };
const ON_VARIANT: Place = Place { attribute: "event", on: "a variant of a union", keys: &[] };
const ON_FIELD: Place = Place { attribute: "event", on: "a field", keys: &[] };

/// What the user wrote, checked.
struct Union<'a> {
    ident: &'a Ident,
    unknown: Option<Unknown>,
    parts: Vec<Part<'a>>,
}

/// A variant that holds the events of another type.
struct Part<'a> {
    ident: &'a Ident,
    events: &'a Type,
}

/// Whether the enum says that it is a union; whatever else it says is looked at later.
pub(super) fn is_union(input: &DeriveInput) -> bool {
    let events = input.attrs.iter().filter(|attribute| attribute.path().is_ident("event"));
    events
        .filter_map(|attribute| match &attribute.meta {
            Meta::List(list) => Some(list.tokens.clone()),
            _ => None,
        })
        .flatten()
        .any(|token| matches!(&token, proc_macro2::TokenTree::Ident(ident) if ident == "union"))
}

pub(super) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let union = Union::read(input)?;
    let ident = union.ident;
    let unknown = union.unknown.as_ref().map(super::unknown);
    let distinct = union.assert_distinct();
    let names = union.names();
    let delegation = union.delegation();
    let decode = union.decode();
    Ok(quote! {
        #[doc(hidden)]
        #[allow(deprecated, unused_qualifications, clippy::absolute_paths)]
        const _: () = {
            #distinct

            #[automatically_derived]
            impl ::es_core::Event for #ident {
                #unknown
                #names
                #delegation
                #decode
            }
        };
    })
}

impl<'a> Union<'a> {
    fn read(input: &'a DeriveInput) -> syn::Result<Self> {
        let Data::Enum(data) = &input.data else {
            let message = "a union is an enum: write a variant for each event type, \
                as in `Order(OrderEvent)`";
            return Err(syn::Error::new(input.ident.span(), message));
        };
        let mut errors = Errors::default();
        if !input.generics.params.is_empty() {
            let message = "a union has no generic parameters, because its names are looked at \
                while it is compiled: remove them";
            errors.add(input.generics.span(), message);
        }
        let unknown = attributes(input, &mut errors);
        let parts = data.variants.iter().filter_map(|variant| part(variant, &mut errors)).collect();
        errors.finish(Self { ident: &input.ident, unknown, parts })
    }

    /// The parts' names, and that they have none in common.
    fn assert_distinct(&self) -> TokenStream {
        let parts = self.parts.iter().map(|Part { events, .. }| {
            quote! {
                ::es_core::__private::union::Part {
                    schemas: <#events as ::es_core::Event>::SCHEMAS,
                    aliases: <#events as ::es_core::Event>::ALIASES,
                    personal: <#events as ::es_core::Event>::PERSONAL,
                }
            }
        });
        // With the place of the enum's name, which the compiler then shows.
        let assertion = quote_spanned! {self.ident.span()=>
            const _: () = ::es_core::__private::union::assert_distinct(__PARTS);
        };
        quote! {
            const __PARTS: &[::es_core::__private::union::Part] = &[#(#parts),*];
            #assertion
        }
    }

    fn names(&self) -> TokenStream {
        quote! {
            const SCHEMAS: &'static [::es_core::EventSchema] =
                &::es_core::__private::union::schemas::<
                    { ::es_core::__private::union::schema_count(__PARTS) },
                >(__PARTS);
            const ALIASES: &'static [&'static ::core::primitive::str] =
                &::es_core::__private::union::aliases::<
                    { ::es_core::__private::union::alias_count(__PARTS) },
                >(__PARTS);
            const PERSONAL: &'static [::es_core::PersonalData] =
                &::es_core::__private::union::personal::<
                    { ::es_core::__private::union::personal_count(__PARTS) },
                >(__PARTS);
        }
    }

    /// What an event is stored as is what its part says.
    fn delegation(&self) -> TokenStream {
        let name = self.of_part(&quote!(::es_core::Event::name(__event)));
        let version = self.of_part(&quote!(::es_core::Event::schema_version(__event)));
        let encode = self.of_part(&quote!(::es_core::Event::encode(__event, __codec, __out)));
        quote! {
            fn name(&self) -> &'static ::core::primitive::str {
                #name
            }

            fn schema_version(&self) -> ::core::primitive::u32 {
                #version
            }

            fn encode(
                &self,
                __codec: ::es_core::Codec,
                __out: &mut ::std::vec::Vec<::core::primitive::u8>,
            ) -> ::core::result::Result<(), ::es_core::PayloadError> {
                #encode
            }
        }
    }

    fn of_part(&self, call: &TokenStream) -> TokenStream {
        let arms =
            self.parts.iter().map(|Part { ident, .. }| quote!(Self::#ident(__event) => #call,));
        if self.parts.is_empty() {
            quote!(match *self {})
        } else {
            quote!(match self { #(#arms)* })
        }
    }

    /// The part that has the name reads the event, or says why it cannot.
    fn decode(&self) -> TokenStream {
        let parts = self.parts.iter().map(|Part { ident, events }| {
            quote! {
                match <#events as ::es_core::Event>::decode(__stored) {
                    ::core::result::Result::Err(::es_core::DecodeError::UnknownName) => {}
                    __decoded => {
                        return ::core::result::Result::map(__decoded, Self::#ident);
                    }
                }
            }
        });
        quote! {
            fn decode(
                __stored: ::es_core::EncodedEvent<'_>,
            ) -> ::core::result::Result<Self, ::es_core::DecodeError> {
                #(#parts)*
                ::core::result::Result::Err(::es_core::DecodeError::UnknownName)
            }
        }
    }
}

fn attributes(input: &DeriveInput, errors: &mut Errors) -> Option<Unknown> {
    let (mut is_union, mut unknown_names) = (None, None);
    ON_UNION.read(&input.attrs, errors, |key, meta| match key {
        "union" => set(&mut is_union, key, meta, ()),
        _ => set(&mut unknown_names, key, meta, unknown(meta)?),
    });
    unknown_names
}

fn part<'a>(variant: &'a syn::Variant, errors: &mut Errors) -> Option<Part<'a>> {
    let ident = &variant.ident;
    ON_VARIANT.read(&variant.attrs, errors, |_, _| Ok(()));
    let field = match &variant.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => fields.unnamed.first()?,
        _ => {
            let message = format!(
                "a variant of a union holds the events of one type: write `{ident}({ident}Event)`, \
                 with the event type's name"
            );
            errors.add(variant.span(), message);
            return None;
        }
    };
    check_field(field, errors);
    Some(Part { ident, events: &field.ty })
}

fn check_field(field: &Field, errors: &mut Errors) {
    ON_FIELD.read(&field.attrs, errors, |_, _| Ok(()));
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        let message = "an event of a union is stored as its own type says: remove this";
        errors.add(attribute.span(), message);
    }
}
