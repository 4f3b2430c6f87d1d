//! The tools that read and change the data model.

use super::{Decoded, collection, implied};
use crate::directus::access::{Access, Action, Extent, Fields, Key, Origin};
use crate::directus::arguments::{Arguments, object, only};
use crate::directus::call::shown;
use crate::directus::misread::Misread;
use crate::directus::schema::{Collection, Field, FieldKind, SchemaSnapshot};
use crate::directus::tool::Verb;
use serde_json::{Map, Value};

const COLLECTIONS: &str = "directus_collections";
const FIELDS: &str = "directus_fields";
const RELATIONS: &str = "directus_relations";

/// What describes a field. Directus also takes `children`, whose meaning nobody has measured.
const FIELD_KEYS: [&str; 6] = ["field", "type", "name", "collection", "schema", "meta"];

/// The tool `schema`: the model of the named collections, or the names of all.
pub(super) fn schema(arguments: &mut Arguments<'_>, schema: &SchemaSnapshot) -> Result<Decoded, Misread> {
    let extent = match arguments.optional_list("keys")? {
        None | Some([]) => Extent::All,
        Some(keys) => Extent::Keys(names(keys)?),
    };
    collection(schema, COLLECTIONS)?;
    Ok(done(vec![Access::asked(Action::Read, COLLECTIONS, Fields::all(), extent)]))
}

/// The tool `collections`.
pub(super) fn collections(
    arguments: &mut Arguments<'_>,
    schema: &SchemaSnapshot,
) -> Result<Decoded, Misread> {
    match arguments.verb()? {
        Verb::Read => {
            let extent =
                arguments.optional_list("keys")?.map(names).transpose()?.map_or(Extent::All, Extent::Keys);
            Ok(done(vec![Access::asked(Action::Read, COLLECTIONS, Fields::all(), extent)]))
        }
        Verb::Create => {
            written_collections(arguments, Action::Create, &["collection", "fields", "meta", "schema"])
        }
        Verb::Update => written_collections(arguments, Action::Update, &["collection", "meta", "schema"]),
        Verb::Delete => {
            let keys = names(arguments.list("keys")?)?;
            let mut accesses =
                vec![Access::asked(Action::Delete, COLLECTIONS, Fields::none(), Extent::Keys(keys.clone()))];
            for key in &keys {
                let target = collection(schema, &key.to_string())?;
                accesses.push(touched(&target.name, Fields::none()));
                accesses.extend(target.fields.values().flat_map(|field| ends(schema, target, field)));
                accesses.extend(pointers(schema, target));
                let items = Access::asked(Action::Delete, &target.name, Fields::none(), Extent::All);
                accesses.push(items.with_origin(Origin::Implied).with_via("items"));
                accesses.extend(implied::cascade(target, schema));
            }
            Ok(done(accesses))
        }
        Verb::Import => Err(no_import()),
    }
}

/// One call may name many collections; each that gets fields is an asked update of its own.
fn written_collections(
    arguments: &mut Arguments<'_>,
    action: Action,
    known: &[&str],
) -> Result<Decoded, Misread> {
    let mut keys = Vec::new();
    let mut written = Fields::none();
    let mut touches = Vec::new();
    for row in arguments.list("data")? {
        let row = object(row, "data")?;
        only(row, "data", known)?;
        let name = text(row, "collection")?;
        keys.push(Key::Text(name.to_owned()));
        written.named.extend(row.keys().filter(|key| *key != "collection").cloned());
        let mut put = Fields::none();
        for field in row.get("fields").map(|list| list_of(list, "fields")).transpose()?.unwrap_or_default() {
            let field = object(field, "fields")?;
            only(field, "fields", &FIELD_KEYS)?;
            same_collection(field, name)?;
            put.named.insert(text(field, "field")?.to_owned());
        }
        touches.push(touched(name, put));
    }
    let extent = match action {
        Action::Create => Extent::New(u64::try_from(keys.len()).unwrap_or(u64::MAX)),
        Action::Read | Action::Update | Action::Delete | Action::Execute | Action::Import => {
            Extent::Keys(keys.clone())
        }
    };
    let mut accesses = vec![Access::asked(action, COLLECTIONS, written, extent)];
    accesses.extend(touches);
    if action == Action::Update {
        // A collection that Directus keeps no row about yet, such as its own, gets one.
        let rows = Extent::New(u64::try_from(keys.len()).unwrap_or(u64::MAX));
        let row = Access::asked(Action::Create, COLLECTIONS, Fields::none(), rows);
        accesses.push(row.with_origin(Origin::Implied).with_via("meta"));
    }
    accesses.push(Access::asked(Action::Read, COLLECTIONS, Fields::all(), Extent::Keys(keys)));
    Ok(done(accesses))
}

/// The tool `fields`.
pub(super) fn fields(arguments: &mut Arguments<'_>, schema: &SchemaSnapshot) -> Result<Decoded, Misread> {
    let verb = arguments.verb()?;
    if verb == Verb::Read {
        let extent = one_of(arguments.optional_text("collection")?, arguments.optional_text("field")?)?;
        return Ok(done(vec![Access::asked(Action::Read, FIELDS, Fields::all(), extent)]));
    }
    let target = collection(schema, arguments.text("collection")?)?;
    let (action, rows) = match verb {
        Verb::Create => (Action::Create, arguments.data()?.rows()),
        Verb::Update => (Action::Update, arguments.data()?.rows()),
        Verb::Delete => {
            let field = plain(arguments.text("field")?)?;
            let extent = Extent::Keys(vec![Key::Text(format!("{}.{field}", target.name))]);
            let items = Access::asked(Action::Update, &target.name, Fields::named([field]), Extent::All);
            let mut accesses = vec![
                Access::asked(Action::Delete, FIELDS, Fields::none(), extent),
                touched(&target.name, Fields::named([field])),
            ];
            accesses
                .extend(target.fields.get(field).into_iter().flat_map(|field| ends(schema, target, field)));
            accesses.push(items.with_origin(Origin::Implied).with_via("items"));
            return Ok(done(accesses));
        }
        Verb::Read | Verb::Import => return Err(no_import()),
    };
    let mut keys = Vec::new();
    let mut written = Fields::none();
    let mut put = Fields::none();
    for row in rows {
        only(row, "data", &FIELD_KEYS)?;
        same_collection(row, &target.name)?;
        let field = text(row, "field")?;
        keys.push(Key::Text(format!("{}.{field}", target.name)));
        put.named.insert(field.to_owned());
        written.named.extend(row.keys().filter(|key| *key != "field" && *key != "collection").cloned());
    }
    Ok(done(vec![
        Access::asked(action, FIELDS, written, Extent::Keys(keys.clone())),
        touched(&target.name, put),
        Access::asked(Action::Read, FIELDS, Fields::all(), Extent::Keys(keys)),
    ]))
}

/// The tool `relations`. A relation is put on both of its sides. On create Directus goes by `data`, not by the arguments
/// beside it (FACTS section 6), so the two must agree.
pub(super) fn relations(arguments: &mut Arguments<'_>, schema: &SchemaSnapshot) -> Result<Decoded, Misread> {
    let verb = arguments.verb()?;
    if verb == Verb::Read {
        let extent = one_of(arguments.optional_text("collection")?, arguments.optional_text("field")?)?;
        return Ok(done(vec![Access::asked(Action::Read, RELATIONS, Fields::all(), extent)]));
    }
    let target = collection(schema, arguments.text("collection")?)?;
    let mut sides = vec![target.name.clone()];
    let (action, field, data) = match verb {
        Verb::Create => {
            let data = arguments
                .optional_object("data")?
                .ok_or_else(|| Misread::because("the argument `data` is missing"))?;
            let field = arguments.optional_text("field")?.unwrap_or(text(data, "field")?);
            (Action::Create, field, Some(data))
        }
        Verb::Update => (Action::Update, arguments.text("field")?, arguments.optional_object("data")?),
        Verb::Delete => (Action::Delete, arguments.text("field")?, None),
        Verb::Read | Verb::Import => return Err(no_import()),
    };
    let field = plain(field)?;
    let mut written = Fields::none();
    if let Some(data) = data {
        only(data, "data", &["collection", "field", "related_collection", "schema", "meta"])?;
        same_collection(data, &target.name)?;
        if text(data, "field")? != field {
            return Err(Misread::because("`field` and `field` in `data` name different fields"));
        }
        written.named.extend(data.keys().filter(|key| *key != "collection" && *key != "field").cloned());
        sides.extend(other_sides(data, schema)?);
    }
    sides.extend(present_sides(schema, &target.name, field));
    let extent = Extent::Keys(vec![Key::Text(format!("{}.{field}", target.name))]);
    let mut accesses = vec![Access::asked(action, RELATIONS, written, extent.clone())];
    sides.sort();
    sides.dedup();
    accesses.extend(sides.iter().map(|side| {
        let named = if *side == target.name { Fields::named([field]) } else { Fields::none() };
        touched(side, named)
    }));
    if action != Action::Delete {
        accesses.push(Access::asked(Action::Read, RELATIONS, Fields::all(), extent));
    }
    Ok(done(accesses))
}

/// Every collection that a relation's new description names. Directus keeps those of a many-to-any relation as one text
/// with commas, so that `a,directus_users` would be two of them: only names that are a collection's are taken.
fn other_sides(data: &Map<String, Value>, schema: &SchemaSnapshot) -> Result<Vec<String>, Misread> {
    let mut sides = optional_name(data, "related_collection")?;
    for (part, keys) in [
        ("meta", &["many_collection", "one_collection"][..]),
        ("schema", &["table", "foreign_key_table"][..]),
    ] {
        let Some(part) = data.get(part).filter(|value| !value.is_null()) else { continue };
        let part = object(part, "data")?;
        for key in keys {
            sides.extend(optional_name(part, key)?);
        }
        if let Some(allowed) = part.get("one_allowed_collections").filter(|value| !value.is_null()) {
            for name in names(list_of(allowed, "one_allowed_collections")?)? {
                sides.push(name.to_string());
            }
        }
    }
    for side in &sides {
        collection(schema, side)?;
        if side.contains(',') {
            return Err(Misread::because(format!("`{}` is read as several collections", shown(side))));
        }
    }
    Ok(sides)
}

/// The fields of other collections that Directus changes or drops along with this field: the list of children at the other
/// end of its relation, or the children's pointer back.
fn ends(schema: &SchemaSnapshot, target: &Collection, field: &Field) -> Vec<Access> {
    match &field.kind {
        FieldKind::ManyToOne { related } => {
            let lists = schema.collection(related).into_iter().flat_map(|related| related.fields.values());
            let listing = lists.filter(|list| {
                matches!(&list.kind, FieldKind::OneToMany { related, field: back, .. }
                    if *related == target.name && *back == field.name)
            });
            listing.map(|list| touched(related, Fields::named([&list.name]))).collect()
        }
        FieldKind::OneToMany { related, field, .. } => vec![touched(related, Fields::named([field]))],
        FieldKind::ManyToAny { .. } | FieldKind::Plain | FieldKind::Presentation => Vec::new(),
    }
}

/// The fields that point to a collection: Directus drops them with it, or takes it from what they may point to.
fn pointers(schema: &SchemaSnapshot, target: &Collection) -> Vec<Access> {
    let points = |field: &&Field| match &field.kind {
        FieldKind::ManyToOne { related } => *related == target.name,
        FieldKind::ManyToAny { allowed, .. } => allowed.contains(&target.name),
        FieldKind::OneToMany { .. } | FieldKind::Plain | FieldKind::Presentation => false,
    };
    let of = |other: &Collection| {
        let fields = Fields::named(other.fields.values().filter(points).map(|field| &field.name));
        (!fields.named.is_empty()).then(|| touched(&other.name, fields))
    };
    schema.collections().filter_map(of).collect()
}

/// Every collection that the relation of that field has on its other side today.
fn present_sides(schema: &SchemaSnapshot, name: &str, field: &str) -> Vec<String> {
    let kind = schema.collection(name).and_then(|target| target.fields.get(field)).map(|field| &field.kind);
    match kind {
        Some(FieldKind::ManyToOne { related } | FieldKind::OneToMany { related, .. }) => {
            vec![related.clone()]
        }
        Some(FieldKind::ManyToAny { allowed, .. }) => allowed.clone(),
        Some(FieldKind::Plain | FieldKind::Presentation) | None => Vec::new(),
    }
}

/// The asked update of a collection that a field or relation is put on, changed or taken from.
fn touched(name: &str, fields: Fields) -> Access {
    Access::asked(Action::Update, name, fields, Extent::Keys(Vec::new())).with_via("model")
}

fn one_of(collection: Option<&str>, field: Option<&str>) -> Result<Extent, Misread> {
    match (collection, field) {
        (None, None) => Ok(Extent::All),
        (Some(collection), None) => Ok(Extent::Keys(vec![Key::Text(collection.to_owned())])),
        (Some(collection), Some(field)) => Ok(Extent::Keys(vec![Key::Text(format!("{collection}.{field}"))])),
        (None, Some(_)) => {
            Err(Misread::because("`field` without `collection` is ignored by Directus: name both"))
        }
    }
}

fn same_collection(row: &Map<String, Value>, name: &str) -> Result<(), Misread> {
    match row.get("collection") {
        None => Ok(()),
        Some(Value::String(inner)) if inner == name => Ok(()),
        Some(_) => Err(Misread::because("`collection` in `data` is not the collection that the call names")),
    }
}

fn text<'a>(row: &'a Map<String, Value>, key: &str) -> Result<&'a str, Misread> {
    let text = row.get(key).and_then(Value::as_str).ok_or_else(|| {
        Misread::because(format!("an entry of `data` has no `{key}`, or one that is not a text"))
    })?;
    plain(text)
}

/// A name that the schema need not have. It goes into denials and into the trail, which people read on terminals.
fn plain(name: &str) -> Result<&str, Misread> {
    if name.contains(char::is_control) {
        return Err(Misread::because(format!("the name `{}` holds a control character", shown(name))));
    }
    Ok(name)
}

fn optional_name(row: &Map<String, Value>, key: &str) -> Result<Vec<String>, Misread> {
    match row.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(name)) => Ok(vec![name.clone()]),
        Some(_) => Err(Misread::because(format!("`{key}` is not a text"))),
    }
}

fn list_of<'a>(value: &'a Value, name: &str) -> Result<&'a [Value], Misread> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| Misread::because(format!("`{name}` is not a list")))
}

fn names(list: &[Value]) -> Result<Vec<Key>, Misread> {
    let name = |value: &Value| match value.as_str() {
        Some(name) => Ok(Key::Text(name.to_owned())),
        None => {
            Err(Misread::because(format!("`{}` is not the name of a collection", shown(&value.to_string()))))
        }
    };
    list.iter().map(name).collect()
}

fn no_import() -> Misread {
    Misread::because("only the tool `files` imports")
}

fn done(accesses: Vec<Access>) -> Decoded {
    Decoded { accesses, imports: Vec::new() }
}
