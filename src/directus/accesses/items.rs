//! The tools that read and write the items of one collection.

use super::written::{Fate, Writes};
use super::{Decoded, collection, implied, media};
use crate::directus::access::{Access, Action, Extent, Fields, Key, Origin};
use crate::directus::arguments::{Arguments, Written};
use crate::directus::key;
use crate::directus::misread::Misread;
use crate::directus::reading::Query;
use crate::directus::schema::{Collection, SchemaSnapshot};
use crate::directus::tool::Verb;
use serde_json::{Map, Value};

/// The tool `items`: any collection but Directus' own.
pub(super) fn items(arguments: &mut Arguments<'_>, schema: &SchemaSnapshot) -> Result<Decoded, Misread> {
    let target = collection(schema, arguments.text("collection")?)?;
    if target.is_system() {
        return Err(Misread::because(format!(
            "the tool `{}` does not take Directus' own collections such as `{}`",
            arguments.tool(),
            target.name
        )));
    }
    owned(arguments, target, schema)
}

/// The tool `files`: the items of `directus_files`, and imports into it.
pub(super) fn files(arguments: &mut Arguments<'_>, schema: &SchemaSnapshot) -> Result<Decoded, Misread> {
    let target = collection(schema, "directus_files")?;
    match arguments.verb()? {
        Verb::Import => media::import(arguments, target, schema),
        Verb::Create | Verb::Read | Verb::Update | Verb::Delete => owned(arguments, target, schema),
    }
}

/// Reads and writes by `keys`, `data` and `query`.
pub(super) fn owned(
    arguments: &mut Arguments<'_>,
    target: &Collection,
    schema: &SchemaSnapshot,
) -> Result<Decoded, Misread> {
    let accesses = match arguments.verb()? {
        Verb::Read => {
            let keys = optional_keys(arguments, target)?;
            let query = Query::read(arguments.optional_object("query")?, target, schema)?;
            let extent = if target.singleton { Extent::Singleton } else { by(keys, &query) };
            query.reads(&extent)
        }
        Verb::Create => {
            let data = arguments.data()?;
            // A singleton's create is an update of its one item; a client may give keys, which Directus ignores.
            if target.singleton {
                singleton(arguments, target, &data, schema)?
            } else {
                create(arguments, target, &data, schema)?
            }
        }
        Verb::Update => {
            let data = arguments.data()?;
            if target.singleton {
                arguments.optional_list("keys")?;
                singleton(arguments, target, &data, schema)?
            } else {
                update(arguments, target, &data, schema)?
            }
        }
        Verb::Delete => {
            let keys = key::keys(target, arguments.list("keys")?)?;
            delete(target, Extent::Keys(keys), schema)
        }
        Verb::Import => return Err(Misread::because("only the tool `files` imports")),
    };
    Ok(Decoded { accesses, imports: Vec::new() })
}

/// Reads by `query`, and writes one item by `key`: the tools `flows` and `operations`.
pub(super) fn keyed(
    arguments: &mut Arguments<'_>,
    target: &Collection,
    schema: &SchemaSnapshot,
) -> Result<Decoded, Misread> {
    let verb = arguments.verb()?;
    let accesses = match verb {
        Verb::Read => {
            let query = Query::read(arguments.optional_object("query")?, target, schema)?;
            query.reads(&query.extent())
        }
        Verb::Create => {
            // What is made is read back whole: these tools take no query here.
            let data = one(arguments.data()?)?;
            written(
                target,
                &data,
                Fate::Created,
                &Extent::New(1),
                &Query::read(None, target, schema)?,
                schema,
            )?
        }
        Verb::Update => {
            let data = one(arguments.data()?)?;
            let extent = Extent::Keys(vec![key::key(target, required_key(arguments)?)?]);
            let query = Query::read(arguments.optional_object("query")?, target, schema)?;
            written(target, &data, Fate::Updated, &extent, &query, schema)?
        }
        Verb::Delete => {
            let key = key::key(target, required_key(arguments)?)?;
            delete(target, Extent::Keys(vec![key]), schema)
        }
        Verb::Import => return Err(Misread::because("only the tool `files` imports")),
    };
    Ok(Decoded { accesses, imports: Vec::new() })
}

fn one(data: Written<'_>) -> Result<Written<'_>, Misread> {
    match data {
        Written::One(_) => Ok(data),
        Written::Several(_) => Err(Misread::because("`data` is a list: this tool writes one item at a time")),
    }
}

fn required_key<'a>(arguments: &mut Arguments<'a>) -> Result<&'a Value, Misread> {
    arguments.optional("key").ok_or_else(|| Misread::because("the argument `key` is missing"))
}

fn create(
    arguments: &mut Arguments<'_>,
    target: &Collection,
    data: &Written<'_>,
    schema: &SchemaSnapshot,
) -> Result<Vec<Access>, Misread> {
    let query = Query::read(arguments.optional_object("query")?, target, schema)?;
    let extent = Extent::New(u64::try_from(data.rows().len()).unwrap_or(u64::MAX));
    written(target, data, Fate::Created, &extent, &query, schema)
}

fn singleton(
    arguments: &mut Arguments<'_>,
    target: &Collection,
    data: &Written<'_>,
    schema: &SchemaSnapshot,
) -> Result<Vec<Access>, Misread> {
    let query = Query::read(arguments.optional_object("query")?, target, schema)?;
    match data {
        Written::One(_) => {
            let mut accesses = written(target, data, Fate::Updated, &Extent::Singleton, &query, schema)?;
            // Where the one item is not there yet, Directus makes it.
            let made = Access::asked(Action::Create, &target.name, Fields::none(), Extent::New(1));
            accesses.push(made.with_origin(Origin::Implied));
            Ok(accesses)
        }
        Written::Several(_) => {
            Err(Misread::because(format!("{} has one item only, so `data` is one object", target.name)))
        }
    }
}

/// An update names its items by `keys`, by the keys in a list of rows, or by nothing: then the query selects them, and an
/// `id` in the data does not (FACTS section 5).
fn update(
    arguments: &mut Arguments<'_>,
    target: &Collection,
    data: &Written<'_>,
    schema: &SchemaSnapshot,
) -> Result<Vec<Access>, Misread> {
    let keys = optional_keys(arguments, target)?;
    let query = Query::read(arguments.optional_object("query")?, target, schema)?;
    let extent = match (data, keys) {
        (Written::One(_), Some(keys)) => Extent::Keys(keys),
        (Written::One(_), None) => query.extent(),
        (Written::Several(rows), None) => Extent::Keys(batch(target, rows)?),
        (Written::Several(_), Some(_)) => {
            return Err(Misread::because(
                "`keys` beside a list of rows is ignored by Directus: leave it out",
            ));
        }
    };
    written(target, data, Fate::Updated, &extent, &query, schema)
}

fn batch(target: &Collection, rows: &[&Map<String, Value>]) -> Result<Vec<Key>, Misread> {
    let key_of = |row: &&Map<String, Value>| {
        let value = target.primary_key.as_ref().and_then(|name| row.get(name));
        let value =
            value.ok_or_else(|| Misread::because("a row of `data` has no key, so it names no item"))?;
        key::key(target, value)
    };
    rows.iter().map(key_of).collect()
}

/// The write itself with all that it does beyond its collection, and the read-back.
fn written(
    target: &Collection,
    data: &Written<'_>,
    fate: Fate,
    extent: &Extent,
    query: &Query<'_>,
    schema: &SchemaSnapshot,
) -> Result<Vec<Access>, Misread> {
    let mut writes = Writes::new(schema);
    writes.rows(target, data, fate, extent)?;
    let mut accesses = writes.into_accesses();
    accesses.extend(query.read_back(extent)?);
    Ok(accesses)
}

fn delete(target: &Collection, extent: Extent, schema: &SchemaSnapshot) -> Vec<Access> {
    let mut accesses = vec![Access::asked(Action::Delete, &target.name, Fields::none(), extent)];
    accesses.extend(implied::cascade(target, schema));
    accesses
}

fn optional_keys(arguments: &mut Arguments<'_>, target: &Collection) -> Result<Option<Vec<Key>>, Misread> {
    arguments.optional_list("keys")?.map(|list| key::keys(target, list)).transpose()
}

fn by(keys: Option<Vec<Key>>, query: &Query<'_>) -> Extent {
    keys.map_or_else(|| query.extent(), Extent::Keys)
}
