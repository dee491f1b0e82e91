//! The lines of a cart, in pages that its copies share: what a change of one line costs must not grow with the lines
//! that it leaves alone.
//!
//! A copy of a cart costs a pointer a page. A page that did not change is neither checked nor written again.

use super::Line;
use crate::entity::BodyWriter;
use crate::error::{Broken, ensure};
use crate::id::VariantId;
use crate::money::Currency;
use crate::shared;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};
use std::sync::{Arc, OnceLock};
use std::{iter, slice};

/// How many lines a page has at most.
const PAGE_LINES: usize = 32;
/// From how many lines on the stored form of a page is kept: it takes memory, and few lines are written at once.
const KEPT_LINES: usize = PAGE_LINES / 2;
const AT_INDEX: &str = "a line is at this index";

/// See the module. In the order in which the lines were added.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// None of them empty.
    pages: Vec<Arc<Page>>,
}

#[derive(Debug, Default)]
struct Page {
    lines: Vec<Arc<Line>>,
    /// The stored form, where it was written before and takes long.
    written: OnceLock<Box<[u8]>>,
    /// The currency that its lines were found to be sound in.
    sound_in: OnceLock<Currency>,
}

impl Page {
    fn new(lines: Vec<Arc<Line>>) -> Arc<Self> {
        Arc::new(Self {
            lines,
            ..Self::default()
        })
    }

    /// Returns its lines to change them; what was known of them no longer counts.
    fn change(page: &mut Arc<Self>) -> &mut Vec<Arc<Line>> {
        let page = Arc::make_mut(page);
        page.written = OnceLock::new();
        page.sound_in = OnceLock::new();
        &mut page.lines
    }

    fn write<B: BodyWriter>(&self, body: &mut B) -> Result<(), B::Error> {
        match self.lines.len() {
            KEPT_LINES.. => body.write_once(&self.written, &self.lines),
            _ => self.lines.iter().try_for_each(|line| body.write(line)),
        }
    }

    fn check(&self, currency: Currency) -> Result<(), Broken> {
        if self.sound_in.get() == Some(&currency) {
            return Ok(());
        }
        for line in &self.lines {
            ensure(0 < line.quantity, "a line holds at least one unit")?;
            let in_currency = line.price_when_added.currency == currency;
            ensure(in_currency, "a line was priced in the cart's currency")?;
            let overridden = line.overridden();
            let override_ok =
                overridden.is_none_or(|price| price.currency == currency && !price.is_negative());
            ensure(
                override_ok,
                "an overridden price is in the cart's currency and not below zero",
            )?;
        }
        // Another currency was noted before only if the cart's own has changed, and then the lines are checked each time.
        let _ = self.sound_in.set(currency);
        Ok(())
    }
}

/// A copy is made to be changed: it knows nothing of itself yet.
impl Clone for Page {
    fn clone(&self) -> Self {
        Self {
            lines: self.lines.clone(),
            ..Self::default()
        }
    }
}

impl PartialEq for Page {
    fn eq(&self, other: &Self) -> bool {
        self.lines == other.lines
    }
}

impl Eq for Page {}

/// The same lines are the same whatever pages they are on.
impl PartialEq for Lines {
    fn eq(&self, other: &Self) -> bool {
        self.pages == other.pages || self.iter().eq(other)
    }
}

impl Eq for Lines {}

impl Lines {
    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.pages.iter().map(|page| page.lines.len()).sum()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Goes through them.
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            page: [].iter(),
            pages: self.pages.iter(),
        }
    }

    /// Returns the one at an index.
    pub fn get(&self, index: usize) -> Option<&Arc<Line>> {
        let (page, index) = self.place(index)?;
        self.pages[page].lines.get(index)
    }

    /// Returns them in one list.
    pub fn to_vec(&self) -> Vec<Arc<Line>> {
        self.iter().cloned().collect()
    }

    /// Returns how many units of each variant they hold, in ascending order of variant.
    pub fn units_by_variant(&self) -> BTreeMap<VariantId, u64> {
        let mut units = BTreeMap::new();
        for line in self {
            *units.entry(line.variant).or_default() += u64::from(line.quantity);
        }
        units
    }

    /// Returns the page of an index, and the index in it.
    fn place(&self, mut index: usize) -> Option<(usize, usize)> {
        for (at, page) in self.pages.iter().enumerate() {
            if index < page.lines.len() {
                return Some((at, index));
            }
            index -= page.lines.len();
        }
        None
    }

    /// Adds one behind the others.
    pub(super) fn push(&mut self, line: Arc<Line>) {
        match self.pages.last_mut() {
            Some(last) if last.lines.len() < PAGE_LINES => Page::change(last).push(line),
            Some(_) | None => self.pages.push(Page::new(vec![line])),
        }
    }

    /// Takes one out.
    ///
    /// # Panics
    /// When there is none at this index.
    pub(super) fn remove(&mut self, index: usize) -> Arc<Line> {
        let (page, index) = self.place(index).expect(AT_INDEX);
        let lines = Page::change(&mut self.pages[page]);
        let line = lines.remove(index);
        if lines.is_empty() {
            self.pages.remove(page);
        }
        line
    }

    /// Takes all of them out.
    pub(super) fn clear(&mut self) {
        self.pages.clear();
    }

    /// Writes them as serde would.
    pub(super) fn write<B: BodyWriter>(&self, body: &mut B) -> Result<(), B::Error> {
        body.write(&(self.len() as u64))?;
        self.pages.iter().try_for_each(|page| page.write(body))
    }

    /// Checks what must be true of each line in a cart of this currency.
    pub(super) fn check(&self, currency: Currency) -> Result<(), Broken> {
        self.pages.iter().try_for_each(|page| page.check(currency))
    }
}

impl Index<usize> for Lines {
    type Output = Arc<Line>;

    /// # Panics
    /// When there is none at this index.
    fn index(&self, index: usize) -> &Arc<Line> {
        self.get(index).expect(AT_INDEX)
    }
}

impl IndexMut<usize> for Lines {
    /// # Panics
    /// When there is none at this index.
    fn index_mut(&mut self, index: usize) -> &mut Arc<Line> {
        let (page, index) = self.place(index).expect(AT_INDEX);
        &mut Page::change(&mut self.pages[page])[index]
    }
}

impl From<Vec<Arc<Line>>> for Lines {
    fn from(lines: Vec<Arc<Line>>) -> Self {
        let mut lines = lines.into_iter();
        let page = || {
            let page: Vec<_> = lines.by_ref().take(PAGE_LINES).collect();
            (!page.is_empty()).then(|| Page::new(page))
        };
        Self {
            pages: iter::from_fn(page).collect(),
        }
    }
}

impl Serialize for Lines {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl<'de> Deserialize<'de> for Lines {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shared::list(deserializer).map(Self::from)
    }
}

impl<'a> IntoIterator for &'a Lines {
    type Item = &'a Arc<Line>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// See [`Lines::iter`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    /// What is left of the page that was begun.
    page: slice::Iter<'a, Arc<Line>>,
    /// The pages behind it.
    pages: slice::Iter<'a, Arc<Page>>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Arc<Line>;

    fn next(&mut self) -> Option<&'a Arc<Line>> {
        loop {
            if let Some(line) = self.page.next() {
                return Some(line);
            }
            self.page = self.pages.next()?.lines.iter();
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let behind: usize = self.pages.clone().map(|page| page.lines.len()).sum();
        let left = self.page.len() + behind;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl iter::FusedIterator for Iter<'_> {}
