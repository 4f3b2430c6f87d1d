//! One tool call: from a name and arguments to what the tool returns.

use super::arguments::{Arguments, Data, Query};
use super::fault::Fault;
use super::model::{Model, text, with};
use super::read::Reader;
use super::store::{Store, canonical_key};
use super::tools::Tool;
use super::write::Writer;
use crate::directus::schema::{Field, FieldKind};
use serde_json::{Map, Value, json};

/// An image of one pixel: every file of the stand-in has these bytes.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const SYSTEM_PROMPT: &str =
    "This is the stand-in for Directus that Warrener brings along. Its content is made up.";

/// What a tool returns.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// A value, with the address of the one item that it is, in the data studio.
    Value { value: Value, url: Option<String> },
    /// An image.
    Image(&'static str),
}

/// What a call works on.
pub(super) struct Call<'a> {
    pub(super) model: &'a Model,
    pub(super) store: &'a mut Store,
    /// Directus' own switch.
    pub(super) allow_deletes: bool,
    /// Where the data studio is said to be.
    pub(super) public_url: &'a str,
}

impl Call<'_> {
    /// Makes the call.
    pub(super) fn run(&mut self, tool: &Tool, arguments: Map<String, Value>) -> Result<Answer, Fault> {
        let arguments = Arguments::new(arguments, tool.arguments)?;
        let action = if tool.actions.is_empty() { "read" } else { arguments.action(tool.actions)? };
        if action == "delete" && !self.allow_deletes {
            return Err(Fault::payload("Delete actions are disabled"));
        }
        match (tool.name, action) {
            ("items", action) => self.items(action, arguments.text("collection")?, &arguments),
            ("files", "import") => Err(Fault::not_here("importing files")),
            ("files", action) => self.content(action, "directus_files", &arguments),
            ("folders", action) => self.content(action, "directus_folders", &arguments),
            ("flows", "read") => self.content("read", "directus_flows", &arguments),
            ("operations", "read") => self.content("read", "directus_operations", &arguments),
            ("assets", _) => self.asset(arguments.text("id")?),
            ("schema", _) => Ok(plain(self.schema(arguments.keys()?))),
            ("collections", "read") => Ok(plain(self.collections(arguments.keys()?.as_deref()))),
            ("fields", "read") => one_or_all(&self.model.fields, &arguments),
            ("relations", "read") => one_or_all(&self.model.relations, &arguments),
            ("system-prompt", _) => Ok(plain(SYSTEM_PROMPT.into())),
            (name, action) => Err(Fault::not_here(&format!("`{action}` of `{name}`"))),
        }
    }

    fn items(&mut self, action: &str, collection: &str, arguments: &Arguments) -> Result<Answer, Fault> {
        if collection.starts_with("directus_") {
            return Err(Fault::payload("Cannot provide a core collection"));
        }
        if self.model.collection(collection).is_none() {
            return Err(Fault::forbidden());
        }
        self.content(action, collection, arguments)
    }

    fn content(&mut self, action: &str, collection: &str, arguments: &Arguments) -> Result<Answer, Fault> {
        match action {
            "read" => {
                let keys = arguments.keys()?.map(|keys| self.canonical(collection, &keys)).transpose()?;
                self.show(collection, &arguments.query()?, keys.as_deref())
            }
            "create" => self.create(collection, arguments),
            "update" => self.update(collection, arguments),
            _ => self.delete(collection, arguments),
        }
    }

    fn create(&mut self, collection: &str, arguments: &Arguments) -> Result<Answer, Fault> {
        let items = match arguments.data()? {
            Data::One(item) => vec![item],
            Data::Many(items) => items,
        };
        let query = arguments.query()?;
        let keys: Vec<Value> =
            self.all_or_nothing(|writer| items.iter().map(|item| writer.create(collection, item)).collect())?;
        self.show(collection, &query, Some(&keys))
    }

    fn update(&mut self, collection: &str, arguments: &Arguments) -> Result<Answer, Fault> {
        let (data, query) = (arguments.data()?, arguments.query()?);
        let changes = match (data, arguments.keys()?) {
            (Data::Many(items), _) => {
                let no_key = || Fault::payload("Item in update misses primary key");
                let key = |item: &Map<String, Value>| item.get("id").cloned().ok_or_else(no_key);
                items.into_iter().map(|item| Ok((key(&item)?, item))).collect::<Result<Vec<_>, Fault>>()?
            }
            (Data::One(item), Some(keys)) => keys.into_iter().map(|key| (key, item.clone())).collect(),
            // Without keys the query says which: all of them where it says nothing.
            (Data::One(item), None) => self
                .reader(collection)
                .find_keys(&query)?
                .into_iter()
                .map(|key| (key, item.clone()))
                .collect(),
        };
        let keys =
            self.canonical(collection, &changes.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>())?;
        self.all_or_nothing(|writer| {
            keys.iter().zip(&changes).try_for_each(|(key, (_, item))| writer.update(collection, key, item))
        })?;
        self.show(collection, &query, Some(&keys))
    }

    fn delete(&mut self, collection: &str, arguments: &Arguments) -> Result<Answer, Fault> {
        let given = arguments.needed_keys()?;
        let keys = self.canonical(collection, &given)?;
        let mut writer = Writer { model: self.model, store: self.store };
        for key in &keys {
            writer.delete(collection, key);
        }
        Ok(plain(given.into()))
    }

    /// A write is one transaction; what is read back afterwards is not part of it.
    fn all_or_nothing<T>(
        &mut self,
        write: impl FnOnce(&mut Writer<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let before = self.store.clone();
        let written = write(&mut Writer { model: self.model, store: self.store });
        if written.is_err() {
            *self.store = before;
        }
        written
    }

    /// What the query shows of the items with these keys. Directus reads a write back under its whole query, filter included:
    /// what no longer meets it is written, but not shown.
    fn show(&self, collection: &str, query: &Query, keys: Option<&[Value]>) -> Result<Answer, Fault> {
        let found = self.reader(collection).find(query, keys)?;
        let url = match found.as_slice() {
            [one] => one.get("id").and_then(|key| self.url(collection, key)),
            _ => None,
        };
        Ok(Answer::Value { value: found.into(), url })
    }

    fn url(&self, collection: &str, key: &Value) -> Option<String> {
        let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
        let base = self.public_url.trim_end_matches('/');
        match collection {
            "directus_files" => Some(format!("{base}/admin/files/{key}")),
            system if system.starts_with("directus_") => None,
            collection => Some(format!("{base}/admin/content/{collection}/{key}")),
        }
    }

    fn reader<'c>(&'c self, collection: &'c str) -> Reader<'c> {
        Reader { model: self.model, store: self.store, collection }
    }

    fn canonical(&self, collection: &str, keys: &[Value]) -> Result<Vec<Value>, Fault> {
        keys.iter().map(|key| canonical_key(self.model, collection, key)).collect()
    }

    fn asset(&self, id: &str) -> Result<Answer, Fault> {
        let file = self.store.row("directus_files", &id.into());
        file.map(|_| Answer::Image(PIXEL)).ok_or_else(Fault::forbidden)
    }

    fn collections(&self, keys: Option<&[Value]>) -> Value {
        let wanted = |row: &&Value| {
            keys.is_none_or(|keys| row.get("collection").is_some_and(|name| keys.contains(name)))
        };
        self.model.collections.iter().filter(wanted).cloned().collect()
    }

    fn schema(&self, keys: Option<Vec<Value>>) -> Value {
        let keys = keys.unwrap_or_default();
        if keys.is_empty() {
            let names = self.model.collections.iter().filter_map(|row| text(row, "collection"));
            let note = |row: &Value| {
                Some((text(row, "collection")?.to_owned(), row.get("meta")?.get("note")?.as_str()?.into()))
            };
            let notes: Map<String, Value> = self.model.collections.iter().filter_map(note).collect();
            return json!({"collections": names.collect::<Vec<_>>(), "collection_folders": [], "notes": notes});
        }
        let known =
            keys.iter().filter_map(Value::as_str).filter(|name| self.model.collection(name).is_some());
        known.map(|name| (name.to_owned(), self.overview(name))).collect::<Map<_, _>>().into()
    }

    fn overview(&self, collection: &str) -> Value {
        self.model
            .fields_of(collection)
            .map(|field| (field.name.clone(), overview(field)))
            .collect::<Map<_, _>>()
            .into()
    }
}

/// The rows of a collection, or the one of a field of it.
fn one_or_all(rows: &[Value], arguments: &Arguments) -> Result<Answer, Fault> {
    let collection = arguments.optional_text("collection")?;
    let mut of =
        rows.iter().filter(|row| collection.is_none_or(|name| text(row, "collection") == Some(name)));
    match arguments.optional_text("field")? {
        Some(field) => {
            of.find(|row| text(row, "field") == Some(field)).cloned().map(plain).ok_or_else(Fault::forbidden)
        }
        None => Ok(plain(of.cloned().collect())),
    }
}

fn plain(value: Value) -> Answer {
    Answer::Value { value, url: None }
}

fn overview(field: &Field) -> Value {
    let key = if field.name == "id" { json!({"primary_key": true, "readonly": true}) } else { json!({}) };
    let mut shown = json!({"type": field.type_name});
    if let (Some(shown), Value::Object(key)) = (shown.as_object_mut(), key) {
        shown.extend(key);
    }
    let shown = with(shown, "interface", json!({"type": "input"}));
    let relation = match &field.kind {
        FieldKind::ManyToOne { related } => json!({"type": "m2o", "collection": related}),
        FieldKind::OneToMany { related, .. } => json!({"type": "o2m", "collection": related}),
        FieldKind::ManyToAny { allowed, .. } => json!({"type": "m2a", "collections": allowed}),
        FieldKind::Plain | FieldKind::Presentation => return shown,
    };
    with(shown, "relation", relation)
}
