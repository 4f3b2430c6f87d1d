//! Files as bytes: imports from a URL, and assets.

use super::{Decoded, collection, implied};
use crate::directus::access::{Access, Action, Extent, Fields, Origin};
use crate::directus::arguments::{Arguments, object, only};
use crate::directus::call::shown;
use crate::directus::carrier::{At, Carrier, Row, RowFate};
use crate::directus::field::own_field;
use crate::directus::key;
use crate::directus::misread::Misread;
use crate::directus::schema::{Collection, FieldKind, SchemaSnapshot};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The pseudo-field that stands for a file's content.
pub(super) const BYTES: &str = "$bytes";

/// The tool `assets`: the bytes of one file come back.
pub(super) fn assets(arguments: &mut Arguments<'_>, schema: &SchemaSnapshot) -> Result<Decoded, Misread> {
    let files = collection(schema, "directus_files")?;
    let id = arguments
        .optional("id")
        .ok_or_else(|| Misread::because("the tool `assets` needs the argument `id`"))?;
    let extent = Extent::Keys(vec![key::key(files, id)?]);
    let accesses = vec![Access::asked(Action::Read, &files.name, Fields::named([BYTES]), extent)];
    Ok(Decoded { accesses, imports: Vec::new() })
}

/// `files import`: Directus fetches each URL. A `file.id` that exists has its bytes replaced, which makes it an update.
pub(super) fn import(
    arguments: &mut Arguments<'_>,
    files: &Collection,
    _schema: &SchemaSnapshot,
) -> Result<Decoded, Misread> {
    let rows = arguments.list("data")?;
    let mut imports = Vec::new();
    let mut fields = Fields::none();
    let mut replaced = Vec::new();
    let (mut made, mut changed) = (Vec::new(), Vec::new());
    let all = At::argument("data");
    for (index, entry) in rows.iter().enumerate() {
        let entry = object(entry, "data")?;
        only(entry, "data", &["url", "file"])?;
        let Some(Value::String(url)) = entry.get("url") else {
            return Err(Misread::because("an entry of `data` has no `url`, or one that is not a text"));
        };
        imports.push(url.clone());
        let at = all.index(index);
        let row = Row { at: Some(at.key("file").steps()), filled: BTreeMap::new(), fate: RowFate::Imported };
        made.push(row.clone());
        let Some(file) = entry.get("file") else { continue };
        let mut named = plain_fields(files, object(file, "file")?)?;
        if let Some(id) = file.get("id") {
            replaced.push(key::key(files, id)?);
            changed.push(row);
            named.remove("id");
        }
        fields.named.extend(named);
    }
    let count = Extent::New(u64::try_from(rows.len()).unwrap_or(u64::MAX));
    let import = Access::asked(Action::Import, &files.name, fields.clone(), count.clone());
    let mut accesses = vec![import.carried(Carrier::Rows(made))];
    accesses.push(
        Access::asked(Action::Create, &files.name, Fields::none(), count.clone())
            .with_origin(Origin::Implied),
    );
    accesses.extend(implied::filled(files, Action::Create, &count));
    if !replaced.is_empty() {
        let update = Access::asked(Action::Update, &files.name, fields, Extent::Keys(replaced));
        accesses.push(update.with_via("file.id").carried(Carrier::Rows(changed)));
    }
    Ok(Decoded { accesses, imports })
}

/// What is said of an imported file; nothing of it may reach another collection.
fn plain_fields(files: &Collection, file: &Map<String, Value>) -> Result<BTreeSet<String>, Misread> {
    for (name, value) in file {
        let plain = match own_field(files, name, "file")? {
            FieldKind::Plain => true,
            FieldKind::ManyToOne { .. } => value.is_string() || value.is_null(),
            FieldKind::ManyToAny { .. } | FieldKind::OneToMany { .. } | FieldKind::Presentation => false,
        };
        if !plain {
            return Err(Misread::because(format!(
                "what `file` says under `{}` is not understood",
                shown(name)
            )));
        }
    }
    Ok(file.keys().cloned().collect())
}
