//! Reading `#[event(...)]` and `#[command(...)]`, and reporting everything that is wrong at once.

use std::fmt::Display;

use proc_macro2::{Span, TokenTree};
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned as _;
use syn::{Attribute, LitStr, Token};

/// The longest stored name in bytes, as promised by `es_core::Event::name`.
const MAX_NAME_LEN: usize = 128;

/// The errors found so far.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    pub(crate) fn add(&mut self, span: Span, message: impl Display) {
        self.push(syn::Error::new(span, message));
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// `value`, unless there were errors.
    pub(crate) fn finish<T>(self, value: T) -> syn::Result<T> {
        self.0.map_or(Ok(value), Err)
    }
}

/// Where an attribute stands, and what it may say there.
pub(crate) struct Place {
    /// The attribute's name: `event` or `command`.
    pub(crate) attribute: &'static str,
    /// As in "on a variant".
    pub(crate) on: &'static str,
    /// The keys that it takes.
    pub(crate) keys: &'static [&'static str],
}

impl Place {
    /// Hands every known key to `read`. After an error it goes on with the next key.
    pub(crate) fn read(
        &self,
        attributes: &[Attribute],
        errors: &mut Errors,
        mut read: impl FnMut(&str, &ParseNestedMeta<'_>) -> syn::Result<()>,
    ) {
        for attribute in attributes.iter().filter(|a| a.path().is_ident(self.attribute)) {
            let parsed = attribute.parse_nested_meta(|meta| {
                let known = self.keys.iter().find(|key| meta.path.is_ident(key));
                let result = match known {
                    Some(key) => read(key, &meta),
                    None => Err(self.unknown_key(&meta)),
                };
                keep_on(result, &meta, errors)
            });
            if let Err(error) = parsed {
                errors.push(error);
            }
        }
    }

    fn unknown_key(&self, meta: &ParseNestedMeta<'_>) -> syn::Error {
        let Self { attribute, on, keys } = self;
        if keys.is_empty() {
            return syn::Error::new(
                meta.path.span(),
                format!("`#[{attribute}(...)]` has no meaning on {on}: remove it"),
            );
        }
        let keys = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        syn::Error::new(
            meta.path.span(),
            format!("unknown key: on {on}, `#[{attribute}(...)]` takes {keys}"),
        )
    }
}

/// Hands every key inside of the parentheses after `meta` to `read`, going on after errors.
pub(crate) fn read_keys(
    meta: &ParseNestedMeta<'_>,
    errors: &mut Errors,
    mut read: impl FnMut(&ParseNestedMeta<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    meta.parse_nested_meta(|part| {
        let result = read(&part);
        keep_on(result, &part, errors)
    })
}

/// Notes an error, and moves to the next key.
fn keep_on(
    result: syn::Result<()>,
    meta: &ParseNestedMeta<'_>,
    errors: &mut Errors,
) -> syn::Result<()> {
    if let Err(error) = result {
        errors.push(error);
        while !meta.input.is_empty() && !meta.input.peek(Token![,]) {
            meta.input.parse::<TokenTree>()?;
        }
    }
    Ok(())
}

/// Fills a setting that can be given once.
pub(crate) fn set<T>(
    setting: &mut Option<T>,
    key: &str,
    meta: &ParseNestedMeta<'_>,
    value: T,
) -> syn::Result<()> {
    if setting.is_some() {
        return Err(meta.error(format!("`{key}` is given twice: keep one")));
    }
    *setting = Some(value);
    Ok(())
}

/// Fills a setting that is a name, or the first part of one, and can be given once.
pub(crate) fn set_name(
    setting: &mut Option<LitStr>,
    key: &str,
    meta: &ParseNestedMeta<'_>,
) -> syn::Result<()> {
    let name: LitStr = meta.value()?.parse()?;
    // A name with mistakes is there all the same: no second error shall say that it is missing.
    set(setting, key, meta, name.clone())?;
    check_name(&name)
}

/// The string must be fit for a name, or for a part of one.
pub(crate) fn check_name(name: &LitStr) -> syn::Result<()> {
    let text = name.value();
    if text.is_empty() {
        return Err(syn::Error::new(name.span(), "a name has at least one character"));
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(syn::Error::new(
            name.span(),
            "a name has no white space or control characters: remove them",
        ));
    }
    check_len(&text, name.span())
}

/// A whole name must not be too long.
pub(crate) fn check_len(name: &str, span: Span) -> syn::Result<()> {
    let len = name.len();
    if len <= MAX_NAME_LEN {
        return Ok(());
    }
    Err(syn::Error::new(
        span,
        format!("a name has at most {MAX_NAME_LEN} bytes, `{name}` has {len}: shorten it"),
    ))
}
