//! The types that stand for the content of the variants when serde writes and reads it.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens as _, format_ident, quote};
use syn::{Field, Fields, LitStr};

use super::definition::{Definition, Variant};
use super::serde_attributes;

/// The type whose reference serializes as the content of the variant that it refers to.
pub(super) fn content_of() -> Ident {
    format_ident!("__ContentOf")
}

/// The type that the current payload of a variant is read as.
pub(super) fn payload_of(variant: &Variant) -> Ident {
    format_ident!("__{}Payload", variant.ident)
}

/// What serializes an event's content.
///
/// serde's `remote` lets a look-alike of the enum serialize the enum itself, and `untagged` leaves
/// the variant out. So serde calls the functions of `with`, `skip_serializing_if` and the like with
/// references to the fields themselves, as it does for an enum that is serialized directly; a struct
/// that borrows the fields would hand them references to references.
pub(super) fn serialized(definition: &Definition) -> TokenStream {
    let enum_ident = &definition.ident;
    let remote = LitStr::new(&enum_ident.to_string(), enum_ident.span());
    let content_of = content_of();
    let variants = definition.variants.iter().map(|variant| {
        let Variant { ident, fields, .. } = variant;
        let serde = variant.serde.serialize();
        let content = content(fields, enum_ident);
        quote!(#serde #ident #content)
    });
    quote! {
        #[derive(::es_core::__private::serde::Serialize)]
        #[serde(crate = "::es_core::__private::serde", remote = #remote, untagged)]
        enum __Content {
            #(#variants,)*
        }

        struct #content_of<'a>(&'a #enum_ident);

        #[automatically_derived]
        impl ::es_core::__private::serde::Serialize for #content_of<'_> {
            fn serialize<__S>(
                &self,
                __serializer: __S,
            ) -> ::core::result::Result<__S::Ok, __S::Error>
            where
                __S: ::es_core::__private::serde::Serializer,
            {
                __Content::serialize(self.0, __serializer)
            }
        }
    }
}

/// What the current payload of each variant is read as: a struct with the variant's fields.
pub(super) fn deserialized(definition: &Definition) -> TokenStream {
    definition.variants.iter().map(|variant| payload(variant, &definition.ident)).collect()
}

fn payload(variant: &Variant, enum_ident: &Ident) -> TokenStream {
    let payload = payload_of(variant);
    let content = content(&variant.fields, enum_ident);
    let (serde, end) = if matches!(variant.fields, Fields::Unnamed(_)) {
        (quote!(#[serde(transparent)]), Some(quote!(;)))
    } else {
        let expecting = format!("the payload of {} {}", variant.name, variant.version);
        let attributes = variant.serde.deserialize();
        (quote!(#[serde(expecting = #expecting)] #attributes), None)
    };
    quote! {
        #[derive(::es_core::__private::serde::Deserialize)]
        #[serde(crate = "::es_core::__private::serde")]
        #serde
        struct #payload #content #end
    }
}

/// The fields as in the enum, with serde's attributes alone. Units get braces: they are stored as a
/// struct without fields, so that fields can be added later.
fn content(fields: &Fields, enum_ident: &Ident) -> TokenStream {
    let content = fields.iter().map(|field| {
        let Field { ident, colon_token, ty, .. } = field;
        let serde = serde_attributes::of_field(field);
        let ty = without_self(ty.to_token_stream(), enum_ident);
        quote!(#(#serde)* #ident #colon_token #ty)
    });
    match fields {
        Fields::Unnamed(_) => quote!((#(#content),*)),
        Fields::Named(_) | Fields::Unit => quote!({ #(#content),* }),
    }
}

/// `Self` would be another type here.
fn without_self(tokens: TokenStream, enum_ident: &Ident) -> TokenStream {
    tokens
        .into_iter()
        .map(|token| match token {
            TokenTree::Ident(ident) if ident == "Self" => {
                let mut replaced = enum_ident.clone();
                replaced.set_span(ident.span());
                TokenTree::Ident(replaced)
            }
            TokenTree::Group(group) => {
                let stream = without_self(group.stream(), enum_ident);
                let mut replaced = Group::new(group.delimiter(), stream);
                replaced.set_span(group.span());
                TokenTree::Group(replaced)
            }
            token => token,
        })
        .collect()
}
