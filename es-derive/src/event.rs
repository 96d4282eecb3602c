//! `#[derive(Event)]`.

mod attributes;
mod definition;
mod payload;
mod personal;
mod serde_attributes;
mod union;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{DeriveInput, ExprPath, Fields};

use self::attributes::Unknown;
use self::definition::{Definition, Variant};

/// The implementation of `Event`, in a scope of its own.
///
/// All paths start at a crate, and all local names with two underscores: whatever the user has in
/// scope under the names of the prelude, the code means the same.
pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    if union::is_union(input) {
        return union::expand(input);
    }
    let definition = Definition::read(input)?;
    let ident = &definition.ident;
    let serialized = (!definition.variants.is_empty()).then(|| payload::serialized(&definition));
    let deserialized = payload::deserialized(&definition);
    let unknown = definition.unknown.as_ref().map(unknown);
    let schemas = schemas(&definition);
    let personal = personal::constant(&definition);
    let properties = properties(&definition);
    let encode = encode(&definition);
    let decode = decode(&definition);
    Ok(quote! {
        #[doc(hidden)]
        #[allow(
            deprecated,
            non_camel_case_types,
            non_snake_case,
            unused_qualifications,
            clippy::absolute_paths,
        )]
        const _: () = {
            #serialized
            #deserialized

            #[automatically_derived]
            impl ::es_core::Event for #ident {
                #unknown
                #schemas
                #personal
                #properties
                #encode
                #decode
            }
        };
    })
}

fn unknown(policy: &Unknown) -> TokenStream {
    let policy = match policy {
        Unknown::Skip => quote!(Skip),
        Unknown::Fail => quote!(Fail),
    };
    quote! {
        const UNKNOWN: ::es_core::UnknownEvents = ::es_core::UnknownEvents::#policy;
    }
}

fn schemas(definition: &Definition) -> TokenStream {
    let schemas = definition.variants.iter().map(|Variant { name, version, .. }| {
        quote!(::es_core::EventSchema { name: #name, version: #version })
    });
    let aliases = definition.variants.iter().flat_map(|variant| &variant.aliases);
    quote! {
        const SCHEMAS: &'static [::es_core::EventSchema] = &[#(#schemas),*];
        const ALIASES: &'static [&'static ::core::primitive::str] = &[#(#aliases),*];
    }
}

/// The functions `name` and `schema_version`.
fn properties(definition: &Definition) -> TokenStream {
    let name = per_variant(definition, |variant| {
        let name = &variant.name;
        quote!(#name)
    });
    let version = per_variant(definition, |variant| {
        let version = variant.version;
        quote!(#version)
    });
    quote! {
        fn name(&self) -> &'static ::core::primitive::str {
            #name
        }

        fn schema_version(&self) -> ::core::primitive::u32 {
            #version
        }
    }
}

fn per_variant(definition: &Definition, value: impl Fn(&Variant) -> TokenStream) -> TokenStream {
    let arms = definition.variants.iter().map(|variant| {
        let (ident, value) = (&variant.ident, value(variant));
        quote!(Self::#ident { .. } => #value,)
    });
    quote!(match *self { #(#arms)* })
}

fn encode(definition: &Definition) -> TokenStream {
    let content_of = payload::content_of();
    let body = if definition.variants.is_empty() {
        quote!(match *self {})
    } else {
        quote!(::es_core::Codec::encode(__codec, &#content_of(self), __out))
    };
    quote! {
        fn encode(
            &self,
            __codec: ::es_core::Codec,
            __out: &mut ::std::vec::Vec<::core::primitive::u8>,
        ) -> ::core::result::Result<(), ::es_core::PayloadError> {
            #body
        }
    }
}

fn decode(definition: &Definition) -> TokenStream {
    let arms = definition.variants.iter().map(|variant| {
        let Variant { name, aliases, .. } = variant;
        let versions = decode_versions(variant);
        quote!(#name #(| #aliases)* => #versions,)
    });
    quote! {
        fn decode(
            __stored: ::es_core::EncodedEvent<'_>,
        ) -> ::core::result::Result<Self, ::es_core::DecodeError> {
            match __stored.name {
                #(#arms)*
                _ => ::core::result::Result::Err(::es_core::DecodeError::UnknownName),
            }
        }
    }
}

fn decode_versions(variant: &Variant) -> TokenStream {
    let newest = variant.version;
    let current = decode_current(variant);
    let older = (1_u32..).zip(0..variant.upcasters.len()).map(|(version, first)| {
        let event = decode_older(variant, &variant.upcasters[first..]);
        quote!(#version => #event)
    });
    quote! {
        match __stored.schema_version {
            #(#older)*
            #newest => #current
            _ => ::core::result::Result::Err(::es_core::DecodeError::UnknownVersion {
                newest: #newest,
            }),
        }
    }
}

fn decode_current(variant: &Variant) -> TokenStream {
    let Variant { ident, fields, .. } = variant;
    let payload = payload::payload_of(variant);
    let event = if matches!(fields, Fields::Unnamed(_)) {
        quote!(Self::#ident(__payload.0))
    } else {
        let fields = fields.iter().filter_map(|field| field.ident.as_ref());
        quote!(Self::#ident { #(#fields: __payload.#fields),* })
    };
    quote! {{
        let __payload: #payload = ::es_core::Payload::decode(__stored.payload)?;
        ::core::result::Result::Ok(#event)
    }}
}

/// The upcasters, one after the other. What they take and give is left to inference, and the code
/// has their places in the source, so that a type that does not fit is reported there.
fn decode_older(variant: &Variant, upcasters: &[ExprPath]) -> TokenStream {
    let ident = &variant.ident;
    let place = |upcaster: &ExprPath| upcaster.span().resolved_at(Span::call_site());
    let first = upcasters.first().map_or_else(Span::call_site, place);
    let mut upcast = quote_spanned!(first=> ::es_core::Payload::decode(__stored.payload)?);
    let mut last = first;
    for upcaster in upcasters {
        last = place(upcaster);
        upcast = quote_spanned!(last=> #upcaster(#upcast));
    }
    let (given, event) = match &variant.fields {
        Fields::Unnamed(fields) => {
            let inner = fields.unnamed.iter().map(|field| &field.ty);
            (quote!(#(#inner)*), quote!(Self::#ident(__upcast)))
        }
        Fields::Named(_) | Fields::Unit => (quote_spanned!(last=> Self), quote!(__upcast)),
    };
    quote! {{
        let __upcast: #given = #upcast;
        ::core::result::Result::Ok(#event)
    }}
}
