//! The name of the drug and the form that stands with it.

use super::super::{
    Form, Reason,
    token::Kind,
    vocabulary::{Meaning, Site},
};
use super::Reader;

impl Reader<'_> {
    pub(super) fn name(&mut self) -> Result<(), Reason> {
        if let Some(Meaning::Form(form)) = self.known(0) {
            self.drug.form = Some(form);
            self.at = 1;
        }
        let start = self.at;
        while self.continues_name() {
            self.at += 1;
        }
        let name = match self.tokens.get(start..self.at) {
            Some([first, .., last]) => &self.line[first.start..last.end],
            Some([only]) => &self.line[only.start..only.end],
            _ => "",
        };
        // Fewer letters are a slip of the pen or initials.
        if name.chars().filter(|c| c.is_alphabetic()).count() < 3 {
            return Err(Reason::NoDrug);
        }
        name.clone_into(&mut self.drug.drug);
        Ok(())
    }

    pub(super) fn continues_name(&self) -> bool {
        let is_name = |at| matches!(self.known(at), Some(Meaning::Other | Meaning::Mixed));
        match self.kind(self.at) {
            Some(Kind::Word(Meaning::Other | Meaning::Mixed | Meaning::Release)) => true,
            Some(Kind::Word(Meaning::Site(_))) => self.site_form(self.at).is_none(),
            Some(
                Kind::Slash
                | Kind::Plus
                | Kind::Dash
                | Kind::Word(Meaning::And | Meaning::Connector),
            ) => is_name(self.at + 1),
            _ => false,
        }
    }

    /// `eye drops`, `nasal spray`.
    pub(super) fn site_form(&self, at: usize) -> Option<Form> {
        match (self.known(at)?, self.known(at + 1)?) {
            (Meaning::Site(Site::Eye), Meaning::Form(Form::Drops)) => Some(Form::EyeDrops),
            (Meaning::Site(Site::Eye), Meaning::Form(Form::Ointment)) => Some(Form::EyeOintment),
            (Meaning::Site(Site::Ear), Meaning::Form(Form::Drops)) => Some(Form::EarDrops),
            (Meaning::Site(Site::Nose), Meaning::Form(Form::Spray)) => Some(Form::NasalSpray),
            _ => None,
        }
    }
}
