//! `#[derive(Command)]`.

use std::collections::HashMap;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Data, DataEnum, DataStruct, DeriveInput, Fields, Generics, Ident, LitStr, Member,
    Type, parse_quote,
};

use crate::attributes::{Errors, Place, check_len, set, set_name};

const ON_ENUM: Place = Place { attribute: "command", on: "the enum", keys: &[] };
const ON_STRUCT: Place = Place { attribute: "command", on: "the struct", keys: &["name"] };
const ON_VARIANT: Place = Place { attribute: "command", on: "a variant", keys: &["name"] };
const ON_FIELD: Place = Place { attribute: "command", on: "a field", keys: &["id"] };

/// The implementations of `Command` and, when all commands have an id, of `Addressed`.
pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let mut errors = Errors::default();
    let commands = match &input.data {
        Data::Enum(variants) => of_enum(input, variants, &mut errors),
        Data::Struct(content) => vec![of_struct(input, content, &mut errors)],
        Data::Union(_) => {
            errors.add(input.ident.span(), "a command is an enum or a struct, not a union");
            Vec::new()
        }
    };
    check_names(&commands, &mut errors);
    check_ids(&commands, &mut errors);
    errors.finish(())?;
    Ok(implementations(input, &commands))
}

/// One kind of command.
struct Command<'a> {
    ident: &'a Ident,
    name: String,
    /// Where the name was written.
    name_span: Span,
    /// How a value of this kind is matched.
    pattern: TokenStream,
    id: Option<Id<'a>>,
}

/// The field with the aggregate's id.
struct Id<'a> {
    member: Member,
    ty: &'a Type,
}

fn of_enum<'a>(
    input: &DeriveInput,
    variants: &'a DataEnum,
    errors: &mut Errors,
) -> Vec<Command<'a>> {
    ON_ENUM.read(&input.attrs, errors, |_, _| Ok(()));
    variants
        .variants
        .iter()
        .map(|variant| {
            let ident = &variant.ident;
            let (name, name_span) = command_name(&ON_VARIANT, &variant.attrs, ident, errors);
            let id = id(&variant.fields, errors);
            Command { ident, name, name_span, pattern: quote!(Self::#ident), id }
        })
        .collect()
}

fn of_struct<'a>(
    input: &'a DeriveInput,
    content: &'a DataStruct,
    errors: &mut Errors,
) -> Command<'a> {
    let ident = &input.ident;
    let (name, name_span) = command_name(&ON_STRUCT, &input.attrs, ident, errors);
    Command { ident, name, name_span, pattern: quote!(Self), id: id(&content.fields, errors) }
}

fn command_name(
    place: &Place,
    attributes: &[Attribute],
    ident: &Ident,
    errors: &mut Errors,
) -> (String, Span) {
    let mut renamed: Option<LitStr> = None;
    place.read(attributes, errors, |key, meta| set_name(&mut renamed, key, meta));
    let (name, span) = match renamed {
        Some(name) => (name.value(), name.span()),
        None => (ident.unraw().to_string(), ident.span()),
    };
    if let Err(error) = check_len(&name, span) {
        errors.push(error);
    }
    (name, span)
}

fn id<'a>(fields: &'a Fields, errors: &mut Errors) -> Option<Id<'a>> {
    let mut id = None;
    for (member, field) in fields.members().zip(fields) {
        let mut marked = None;
        ON_FIELD
            .read(&field.attrs, errors, |key, meta| set(&mut marked, key, meta, meta.path.span()));
        let Some(span) = marked else { continue };
        if id.is_some() {
            errors.add(
                span,
                "a command is for one aggregate: another field of it is marked `#[command(id)]` \
                 already, keep one",
            );
            continue;
        }
        id = Some(Id { member, ty: &field.ty });
    }
    id
}

fn check_names(commands: &[Command<'_>], errors: &mut Errors) {
    let mut names = HashMap::new();
    for Command { ident, name, name_span, .. } in commands {
        if let Some(owner) = names.insert(name, ident) {
            errors.add(
                *name_span,
                format!("`{owner}` has the name `{name}` already: choose another"),
            );
        }
    }
}

/// Either all commands say which aggregate they are for, or none does.
fn check_ids(commands: &[Command<'_>], errors: &mut Errors) {
    if commands.iter().all(|command| command.id.is_none()) {
        return;
    }
    let lacking: Vec<_> = commands.iter().filter(|command| command.id.is_none()).collect();
    let Some(first) = lacking.first() else { return };
    let names: Vec<_> = lacking.iter().map(|command| format!("`{}`", command.ident)).collect();
    errors.add(
        first.ident.span(),
        format!(
            "mark the field with the aggregate's id as `#[command(id)]` in all variants or in \
             none: it is missing in {}",
            names.join(", ")
        ),
    );
}

fn implementations(input: &DeriveInput, commands: &[Command<'_>]) -> TokenStream {
    let ident = &input.ident;
    let generics = bounded(&input.generics);
    let (parameters, arguments, bounds) = generics.split_for_impl();
    let names =
        commands.iter().map(|Command { pattern, name, .. }| quote!(#pattern { .. } => #name,));
    let addressed = aggregate_id(commands).map(|aggregate_id| {
        quote! {
            #[automatically_derived]
            impl #parameters ::es_core::Addressed for #ident #arguments #bounds {
                #aggregate_id
            }
        }
    });
    quote! {
        #[doc(hidden)]
        #[allow(deprecated, unused_qualifications, clippy::absolute_paths)]
        const _: () = {
            #[automatically_derived]
            impl #parameters ::es_core::Command for #ident #arguments #bounds {
                fn name(&self) -> &'static ::core::primitive::str {
                    match *self { #(#names)* }
                }
            }

            #addressed
        };
    }
}

/// What `Command` asks of a type can depend on its parameters.
fn bounded(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    if !generics.params.is_empty() {
        generics.make_where_clause().predicates.push(parse_quote! {
            Self: ::core::clone::Clone
                + ::core::marker::Send
                + ::core::marker::Sync
                + 'static
        });
    }
    generics
}

/// The function of `Addressed`, when there are commands and all have an id.
fn aggregate_id(commands: &[Command<'_>]) -> Option<TokenStream> {
    let arms = commands
        .iter()
        .map(|Command { pattern, id, .. }| {
            let Id { member, ty } = id.as_ref()?;
            let place = ty.span().resolved_at(Span::call_site());
            let id = quote_spanned! {place=>
                <#ty as ::core::convert::AsRef<::core::primitive::str>>::as_ref(__id)
            };
            Some(quote!(#pattern { #member: ref __id, .. } => #id,))
        })
        .collect::<Option<Vec<_>>>()?;
    if arms.is_empty() {
        return None;
    }
    Some(quote! {
        fn aggregate_id(&self) -> &::core::primitive::str {
            match *self { #(#arms)* }
        }
    })
}
