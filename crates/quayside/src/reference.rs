//! Hold `docs/reference/output.md` to what the commands print.

use std::fmt::Write as _;
use std::path::Path;

use crate::output::Report;

fn section<R: Report>(page: &mut String) {
    write!(page, "\n## `quayside {}`\n\n| field | meaning |\n|---|---|\n", R::COMMAND).unwrap();
    for (name, meaning) in R::FIELDS {
        writeln!(page, "| `{name}` | {meaning} |").unwrap();
    }
}

fn page() -> String {
    let mut page = String::from(
        "# JSON output\n\n\
         With `--json` a command prints one object on one line to stdout, with these fields. A dot \
         leads into an object, or into each element of a list. Fields are added, never renamed; \
         figures carry their unit in the name or below.\n\n\
         This page is made from the reports in `crates/quayside/src`; a test holds the two together.\n\n\
         ## Errors\n\n\
         A command that fails prints `{\"error\": {...}}` to stderr instead.\n\n\
         | field | meaning |\n|---|---|\n\
         | `exit` | the name of the exit code, see [exit codes](exit-codes.md) |\n\
         | `message` | what happened |\n\
         | `reason` | the service's word for it, see [errors](errors.md); when one refused |\n\
         | `field` | the field or place at fault; when one is |\n\
         | `retry_after_ms` | after how many milliseconds a retry makes sense; when one does |\n\
         | `help` | what to do about it; when something can be done |\n",
    );
    section::<crate::run::ReadyReport>(&mut page);
    section::<crate::admin::InitReport>(&mut page);
    section::<crate::admin::RevokeReport>(&mut page);
    section::<crate::event::CaptureReport>(&mut page);
    section::<crate::item::TraceReport>(&mut page);
    section::<crate::order::OrderReport>(&mut page);
    section::<crate::journey::AdvanceReport>(&mut page);
    section::<crate::link::LinksReport>(&mut page);
    section::<crate::link::ChangeReport>(&mut page);
    section::<crate::key::KeysReport>(&mut page);
    section::<crate::receipt::ExportReport>(&mut page);
    section::<crate::receipt::VerifyReport>(&mut page);
    section::<crate::status::StatusReport>(&mut page);
    section::<crate::ledger_check::CheckReport>(&mut page);
    section::<crate::index::RebuildReport>(&mut page);
    section::<crate::bench::BenchReport>(&mut page);
    section::<crate::bench::SealReport>(&mut page);
    section::<crate::bench::JourneyReport>(&mut page);
    page
}

#[test]
fn the_reference_page_is_what_the_reports_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/output.md");
    if std::env::var_os("QUAYSIDE_WRITE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page(), "run this test once with QUAYSIDE_WRITE_DOCS=1");
}
