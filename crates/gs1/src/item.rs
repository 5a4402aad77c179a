use std::fmt;
use std::str::FromStr;

use crate::{Error, digital_link, epc, uri};

/// What an [`Item`] is: the GS1 key that names it, or a URI of somebody's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A class of trade items: GTIN (AI 01).
    Gtin,
    /// A lot of trade items: GTIN and lot (01, 10).
    Lgtin,
    /// One trade item: GTIN and serial (01, 21).
    Sgtin,
    /// One pack under the EU's tobacco rules: GTIN and third-party extension (01, 235).
    Upui,
    /// A logistic unit: SSCC (00).
    Sscc,
    /// A piece of a trade item: ITIP, with lot or serial where given (8006).
    Itip,
    /// A place: GLN, with extension where given (414, 254).
    Sgln,
    /// A party: GLN (417).
    Party,
    /// What is to be paid to a party: GLN and reference (415, 8020).
    PaymentSlip,
    /// A returnable asset: GRAI, a class without its serial (8003).
    Grai,
    /// An asset: GIAI (8004).
    Giai,
    /// A document: GDTI, a class without its serial (253).
    Gdti,
    /// A coupon: GCN, a class without its serial (255).
    Gcn,
    /// A consignment: GINC (401).
    Ginc,
    /// A shipment: GSIN (402).
    Gsin,
    /// Who or what is served: GSRN of the recipient (8018).
    Gsrn,
    /// Who serves: GSRN of the provider (8017).
    Gsrnp,
    /// A component or part, with serial where given (8010, 8011).
    Cpi,
    /// A model: GMN (8013).
    Gmn,
    /// A URI that is no GS1 key.
    Private,
}

/// Something that can be traced, named by its canonical text.
///
/// Items are equal, and sort, by that text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item {
    text: String,
    // A function of the text, so that it never decides an order or an equality.
    kind: Kind,
}

impl Item {
    /// Reads an item from an EPC URN (`id`, `class`, `idpat`), a Digital Link on any domain, or a
    /// private URI.
    ///
    /// Only the finest level is kept: a serial supersedes a lot. What an EPC scheme or a pattern
    /// without a Digital Link names (`urn:epc:id:adi:...`) is kept verbatim, like a private URI.
    ///
    /// # Errors
    ///
    /// [`Error`] when the text is no absolute URI, or is a GS1 key that does not add up. A link to
    /// a foreign domain counts as a GS1 key only when it looks like one in full; a link to
    /// `id.gs1.org` always does.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let found = match epc::parse(text)? {
            Some(found) => Some(found),
            None => {
                uri::check(text)?;
                digital_link::parse(text)?
            }
        };
        Ok(found.unwrap_or_else(|| Self { text: text.to_owned(), kind: Kind::Private }))
    }

    /// An item under a text that is already canonical.
    pub(crate) fn new(kind: Kind, text: String) -> Self {
        Self { text, kind }
    }

    /// The canonical Digital Link (`https://id.gs1.org/...`), or the private URI as it was written.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.text
    }

    /// Which key names the item.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Item {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests;
