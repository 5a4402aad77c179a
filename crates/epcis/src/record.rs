//! Records: the objects of the standard, each declared once, read and written from that
//! declaration.
//!
//! A field that is read is written, and the other way round, because both follow from one line. The
//! lines stand in the order of their names, which is the order of canonical JSON.

use crate::extension::Value;
use crate::json::write_string;

/// Writes itself as canonical JSON.
pub(crate) trait Canonical {
    fn write(&self, out: &mut String);
}

impl Canonical for str {
    fn write(&self, out: &mut String) {
        write_string(out, self);
    }
}

impl Canonical for String {
    fn write(&self, out: &mut String) {
        write_string(out, self);
    }
}

impl Canonical for bool {
    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl<T: Canonical> Canonical for Vec<T> {
    fn write(&self, out: &mut String) {
        out.push('[');
        for (index, element) in self.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            element.write(out);
        }
        out.push(']');
    }
}

/// Takes the fields of a record in the order of their names.
pub(crate) trait Sink {
    fn field(&mut self, name: &str, value: &impl Canonical);

    /// Takes those extensions that sort before `name`, and gives the rest.
    fn extensions_before<'e>(
        &mut self,
        mut extensions: &'e [(String, Value)],
        name: &str,
    ) -> &'e [(String, Value)] {
        while let [(first, value), rest @ ..] = extensions
            && first.as_str() < name
        {
            self.field(first, value);
            extensions = rest;
        }
        extensions
    }

    fn extensions(&mut self, extensions: &[(String, Value)]) {
        for (name, value) in extensions {
            self.field(name, value);
        }
    }
}

/// Joins the fields to one object.
pub(crate) struct Joined<'o> {
    out: &'o mut String,
    is_first: bool,
}

impl<'o> Joined<'o> {
    pub(crate) fn open(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, is_first: true }
    }

    pub(crate) fn close(self) {
        self.out.push('}');
    }
}

impl Sink for Joined<'_> {
    fn field(&mut self, name: &str, value: &impl Canonical) {
        if !std::mem::replace(&mut self.is_first, false) {
            self.out.push(',');
        }
        // No name of ours, and no IRI, holds anything that JSON escapes.
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
        value.write(self.out);
    }
}

/// Keeps the fields apart.
#[derive(Default)]
pub(crate) struct Split(pub(crate) Vec<(String, String)>);

impl Sink for Split {
    fn field(&mut self, name: &str, value: &impl Canonical) {
        let mut out = String::new();
        value.write(&mut out);
        self.0.push((name.to_owned(), out));
    }
}

/// Declares a record: its type, how it is read, and how it is written.
macro_rules! record {
    (
        $(#[$about:meta])*
        $visibility:vis struct $record:ident {
            $( $(#[$what:meta])* $name:literal => $field:ident: $kind:ty = $read:expr; )*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        $visibility struct $record {
            $( $(#[$what])* pub $field: Option<$kind>, )*
            /// Fields outside the standard.
            pub extensions: $crate::extension::Extensions,
        }

        impl $record {
            /// The names of the standard, in canonical order.
            pub(crate) const NAMES: &'static [&'static str] = &[$($name),*];

            pub(crate) fn read_members(
                members: $crate::json::Members<'_>,
                context: &$crate::context::Context<'_>,
            ) -> Result<Self, $crate::Error> {
                let mut record = Self::default();
                for (name, node) in members {
                    record.member(&name, node, context).map_err(|error| error.under(&name))?;
                }
                record.extensions.sort()?;
                Ok(record)
            }

            fn member(
                &mut self,
                name: &str,
                node: $crate::json::Node<'_>,
                context: &$crate::context::Context<'_>,
            ) -> Result<(), $crate::Error> {
                match name {
                    $( $name => self.$field = Some($read(node, context)?), )*
                    _ => self.extensions.add(name, node, context)?,
                }
                Ok(())
            }

            pub(crate) fn visit(&self, sink: &mut impl $crate::record::Sink) {
                let mut extensions = self.extensions.as_slice();
                $(
                    if let Some(value) = &self.$field {
                        extensions = sink.extensions_before(extensions, $name);
                        sink.field($name, value);
                    }
                )*
                sink.extensions(extensions);
            }
        }

        impl $crate::record::Canonical for $record {
            fn write(&self, out: &mut String) {
                let mut joined = $crate::record::Joined::open(out);
                self.visit(&mut joined);
                joined.close();
            }
        }
    };
}
pub(crate) use record;
