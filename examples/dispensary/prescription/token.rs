//! Splits a line into numbers, words and signs.

use super::{
    Amount, Reason,
    vocabulary::{Meaning, meaning},
};

/// A number, word or sign with its place in the line, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number(Amount),
    Word(Meaning),
    Slash,
    Dash,
    Plus,
    Colon,
    Hash,
    Percent,
    Open,
    Close,
    /// A comma and whatever else separates phrases.
    Break,
}

/// The tokens of one line.
///
/// # Errors
///
/// One sign that is not certain makes the whole line unreadable: half a word or half a number is
/// worse than none.
pub(super) fn tokens(line: &str) -> Result<Vec<Token>, Reason> {
    let mut scanner = Scanner { line, at: 0, tokens: Vec::new() };
    while let Some(next) = scanner.peek() {
        scanner.scan(next)?;
    }
    Ok(scanner.tokens)
}

struct Scanner<'a> {
    line: &'a str,
    at: usize,
    tokens: Vec<Token>,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn rest(&self) -> &str {
        self.line.get(self.at..).unwrap_or_default()
    }

    /// The character after `skipped` bytes.
    fn peek_after(&self, skipped: usize) -> Option<char> {
        self.rest().get(skipped..)?.chars().next()
    }

    fn scan(&mut self, next: char) -> Result<(), Reason> {
        let kind = match next {
            c if c.is_whitespace() => return self.skip(c),
            c if c.is_ascii_digit() || quarters(c).is_some() => return self.number(),
            '.' if self.peek_after(1).is_some_and(|c| c.is_ascii_digit()) => return self.number(),
            c if is_letter(c) => return self.word(),
            '.' | '\'' | '’' | '"' | '“' | '”' => return self.skip(next),
            '*' if self.is_inside_word() => return Err(Reason::Illegible),
            '/' => Kind::Slash,
            '-' | '–' | '—' | '−' | '‑' => Kind::Dash,
            '+' | '&' => Kind::Plus,
            ':' | '=' => Kind::Colon,
            '#' => Kind::Hash,
            '%' => Kind::Percent,
            '×' => Kind::Word(Meaning::Times),
            '(' => Kind::Open,
            ')' => Kind::Close,
            ',' | ';' | '|' | '@' | '*' | '[' | ']' | '!' | '→' | '•' | '·' => Kind::Break,
            _ => return Err(Reason::Illegible),
        };
        self.push(kind, next.len_utf8());
        Ok(())
    }

    /// A mark in place of a letter or digit, unlike one around a word.
    fn is_inside_word(&self) -> bool {
        self.tokens.last().is_some_and(|last| last.end == self.at)
            && self.peek_after(1).is_some_and(char::is_alphanumeric)
    }

    fn skip(&mut self, c: char) -> Result<(), Reason> {
        self.at += c.len_utf8();
        Ok(())
    }

    fn push(&mut self, kind: Kind, len: usize) {
        self.tokens.push(Token { kind, start: self.at, end: self.at + len });
        self.at += len;
    }

    /// `500`, `0.5`, `.5`, `1,000`, `½`, `1½`, `2026-03-01`.
    fn number(&mut self) -> Result<(), Reason> {
        if self.is_glued_to_letter() {
            return Err(Reason::DoubtfulNumber);
        }
        if let Some(date) = self.rest().get(..10)
            && super::heading::iso_date(date).is_some()
        {
            self.push(Kind::Word(Meaning::Other), 10);
            return Ok(());
        }
        let len = self.number_len();
        let written = &self.rest()[..len];
        let mut amount =
            if len == 0 { Amount::whole(0) } else { ungrouped(written)?.parse().map_err(doubt)? };
        let mut end = len;
        if let Some(fraction) = self.peek_after(len).and_then(quarters) {
            amount = amount.plus(Amount::quarters(fraction));
            end += '½'.len_utf8();
        }
        let mut after = self.rest()[end..].chars();
        match (after.next(), after.next()) {
            // `5.mg`: was there a digit after the point?
            (Some('.' | ','), Some(c)) if is_letter(c) => return Err(Reason::DoubtfulNumber),
            (Some(c), _) if c.is_ascii_digit() || quarters(c).is_some() => {
                return Err(Reason::DoubtfulNumber);
            }
            _ => {}
        }
        self.push(Kind::Number(amount), end);
        Ok(())
    }

    fn number_len(&self) -> usize {
        let bytes = self.rest().as_bytes();
        let digit_at = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
        let mut len = 0;
        while digit_at(len) || (matches!(bytes.get(len), Some(b'.' | b',')) && digit_at(len + 1)) {
            len += 1;
        }
        len
    }

    /// Numbers may follow `q` and `x` directly (`q8h`, `x10`) and signs, but not other letters.
    fn is_glued_to_letter(&self) -> bool {
        self.tokens.last().is_some_and(|last| {
            let is_word = matches!(last.kind, Kind::Word(_));
            is_word
                && last.end == self.at
                && last.kind != Kind::Word(Meaning::Every)
                && last.kind != Kind::Word(Meaning::Times)
        })
    }

    fn word(&mut self) -> Result<(), Reason> {
        let len = self.word_len();
        let word = &self.rest()[..len];
        let previous = self.tokens.last().copied();
        let after_number = previous.is_some_and(|token| match token.kind {
            Kind::Number(_) => true,
            // `mg/g`, but also `4 g`: a unit directly after a slash.
            Kind::Slash => token.end == self.at,
            _ => false,
        });
        let known = meaning(word, after_number);
        if known == Meaning::Illegible {
            return Err(Reason::Illegible);
        }
        let is_glued = previous.is_some_and(|token| {
            token.end == self.at && matches!(token.kind, Kind::Number(_) | Kind::Word(_))
        });
        if is_glued && !may_follow_digits(known) {
            return Err(Reason::DoubtfulNumber);
        }
        match self.peek_after(len) {
            Some(c) if c.is_ascii_digit() && !takes_digits(known) => {
                return self.mixed_word(len);
            }
            // A point in the middle of a word that is no abbreviation: a letter may be lost.
            Some('.')
                if known == Meaning::Other && self.peek_after(len + 1).is_some_and(is_letter) =>
            {
                return Err(Reason::Illegible);
            }
            _ => {}
        }
        if known == Meaning::Other && self.hyphenated(len) {
            return Ok(());
        }
        self.push(Kind::Word(known), len);
        Ok(())
    }

    /// Letters with apostrophes and hyphens inside (`Co-amoxiclav`), or an abbreviation with
    /// points (`b.i.d`).
    fn word_len(&self) -> usize {
        let mut letters_in_segment = 0;
        let mut chars = self.rest().char_indices().peekable();
        while let Some((index, c)) = chars.next() {
            let before_letter = chars.peek().is_some_and(|(_, next)| is_letter(*next));
            match c {
                c if is_letter(c) => letters_in_segment += 1,
                '\'' | '’' | '-' if before_letter => letters_in_segment = 0,
                '.' if before_letter && letters_in_segment == 1 => letters_in_segment = 0,
                _ => return index,
            }
        }
        self.rest().len()
    }

    /// `B12`, `D3`, `Mix25`.
    fn mixed_word(&mut self, letters: usize) -> Result<(), Reason> {
        let digits = self.rest()[letters..].bytes().take_while(u8::is_ascii_digit).count();
        let len = letters + digits;
        if self.peek_after(len).is_some_and(is_letter) {
            return Err(Reason::DoubtfulNumber);
        }
        let is_unsafe = meaning(&self.rest()[..len], false) == Meaning::Unsafe;
        let known = if is_unsafe { Meaning::Unsafe } else { Meaning::Mixed };
        self.push(Kind::Word(known), len);
        Ok(())
    }

    /// Pushes `twice-daily` and `twenty-one` as two words; a name stays whole.
    fn hyphenated(&mut self, len: usize) -> bool {
        let word = &self.rest()[..len];
        let pieces: Vec<(Meaning, usize)> =
            word.split('-').map(|piece| (meaning(piece, false), piece.len())).collect();
        if pieces.len() < 2 || pieces.iter().any(|(known, _)| *known == Meaning::Other) {
            return false;
        }
        for (index, (known, piece)) in pieces.into_iter().enumerate() {
            self.at += usize::from(index > 0);
            self.push(Kind::Word(known), piece);
        }
        true
    }
}

fn doubt(_: super::InvalidAmount) -> Reason {
    Reason::DoubtfulNumber
}

/// `1,000` without its comma; a decimal comma (`1,5`) is doubtful here.
fn ungrouped(written: &str) -> Result<String, Reason> {
    let mut groups = written.split(',');
    let first = groups.next().unwrap_or_default();
    let mut number = first.to_owned();
    for group in groups {
        let whole = group.split('.').next().unwrap_or_default();
        if whole.len() != 3 || first.is_empty() || first.len() > 3 || first.contains('.') {
            return Err(Reason::DoubtfulNumber);
        }
        number.push_str(group);
    }
    Ok(number)
}

/// Latin letters, and the Greek ones that occur in units and names. Letters of other scripts can
/// look the same and mean another word.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic()
        || ('\u{c0}'..='\u{24f}').contains(&c) && c != '×' && c != '÷'
        || matches!(c, 'µ' | 'μ' | 'α' | 'β' | 'γ')
}

fn quarters(c: char) -> Option<u32> {
    match c {
        '¼' => Some(1),
        '½' => Some(2),
        '¾' => Some(3),
        _ => None,
    }
}

fn takes_digits(known: Meaning) -> bool {
    matches!(known, Meaning::Every | Meaning::Times)
}

fn may_follow_digits(known: Meaning) -> bool {
    matches!(
        known,
        Meaning::Unit(_)
            | Meaning::Period(_)
            | Meaning::Form(_)
            | Meaning::Times
            | Meaning::Hourly
            | Meaning::Unsafe
    )
}
