//! From opened fields to the canonical JSON of what they are: part of an event.

use statement::top_level_fields;
use zeroize::Zeroizing;

use crate::Error;

/// Joins fields, given as names and canonical JSON values in the order of the names, to one
/// canonical JSON object: an event, if enough of its fields are there.
///
/// # Errors
///
/// [`Error::FieldsMalformed`] unless the object splits into exactly these fields again: a value
/// that is no JSON, or is two, or names out of order.
pub fn partial_json<'a>(
    fields: impl IntoIterator<Item = (&'a str, &'a str), IntoIter: Clone>,
) -> Result<Zeroizing<String>, Error> {
    let mut fields = fields.into_iter();
    let length: usize = fields.clone().map(|(name, value)| name.len() + value.len() + 4).sum();
    // Room for what is escaped in names, which is next to nothing; values come escaped.
    let mut json = Zeroizing::new(String::with_capacity(length + length / 8 + 64));
    let mut between = '{';
    for (name, value) in fields.clone() {
        json.push(between);
        write_name(&mut json, name);
        json.push(':');
        json.push_str(value);
        between = ',';
    }
    if between == '{' {
        json.push('{');
    }
    json.push('}');
    let again = top_level_fields(&json).map_err(|_| Error::FieldsMalformed)?;
    let same = again.iter().all(|(name, value)| fields.next() == Some((name.as_ref(), *value)))
        && fields.next().is_none();
    drop(again);
    if same { Ok(json) } else { Err(Error::FieldsMalformed) }
}

/// Writes a name as canonical JSON does: the shortest escapes.
fn write_name(json: &mut String, name: &str) {
    json.push('"');
    for next in name.chars() {
        match next {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            control if control < ' ' => {
                json.push_str(if control < '\u{10}' { "\\u000" } else { "\\u001" });
                json.extend(char::from_digit(u32::from(control) & 15, 16));
            }
            plain => json.push(plain),
        }
    }
    json.push('"');
}
