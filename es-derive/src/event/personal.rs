//! `#[event(personal)]`: what of an event is personal data.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Fields;

use super::attributes::is_personal;
use super::definition::{Definition, Variant};
use super::serde_attributes::SerdeAttributes;
use crate::attributes::Errors;

/// What of a variant is personal data.
pub(super) enum Personal {
    Everything,
    /// The fields of these stored names.
    Fields(Vec<String>),
}

impl Personal {
    /// `None`: nothing is.
    pub(super) fn read(
        all: bool,
        fields: &Fields,
        serde: &SerdeAttributes,
        errors: &mut Errors,
    ) -> Option<Self> {
        let mut names = Vec::new();
        let mut all = all;
        for field in fields {
            if !is_personal(field, errors) {
                continue;
            }
            if matches!(fields, Fields::Unnamed(_)) {
                // The field is the payload.
                all = true;
                continue;
            }
            match serde.written_name(field, errors) {
                Ok(name) => names.push(name),
                Err(flattened) => errors.add(
                    flattened,
                    "a flattened field is stored as the fields that it has, and these are not known \
                     here: store it under a name, or mark the variant as personal",
                ),
            }
        }
        match (all, names.is_empty()) {
            (true, _) => Some(Self::Everything),
            (false, false) => Some(Self::Fields(names)),
            (false, true) => None,
        }
    }
}

/// The constant `PERSONAL`.
pub(super) fn constant(definition: &Definition) -> TokenStream {
    let marked = definition.variants.iter().filter_map(|variant| {
        let Variant { name, personal, .. } = variant;
        let part = match personal.as_ref()? {
            Personal::Everything => quote!(Everything),
            Personal::Fields(names) => quote!(Fields(&[#(#names),*])),
        };
        Some(quote! {
            ::es_core::PersonalData { event: #name, part: ::es_core::PersonalPart::#part }
        })
    });
    quote! {
        const PERSONAL: &'static [::es_core::PersonalData] = &[#(#marked),*];
    }
}
