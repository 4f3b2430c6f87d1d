//! What there is to ask about: the collections and fields of a schema or, where none is given, one of every kind that the policies
//! tell apart.
//!
//! A kind is looked at through one name, in a schema that is made up of such names, so that everything behind this module speaks of
//! collections and fields as the engine does. Which collections are junctions only a schema says; where policies ask, both is looked
//! at, in two worlds.

use super::kinds::{Kind, Shape, TooManyKinds, kinds};
use super::question::Target;
use crate::directus::SchemaSnapshot;
use crate::directus::schema::{Collection, Field, FieldKind};
use crate::policy::PolicySet;
use crate::policy::document::Permission;
use crate::policy::matrix::spoken_of;
use crate::policy::pattern::{CollectionPatterns, Glob, Patterns};
use std::collections::{BTreeMap, BTreeSet};

/// The collection whose items have bytes.
pub(super) const FILES: &str = "directus_files";

/// The pseudo-field for the bytes of a file, which no schema lists.
pub(super) const BYTES: &str = "$bytes";

/// The key of collections that are made up.
const ID: &str = "id";

/// The pointer that Directus puts into most collections, so that what it leads to is reached here as well.
const USER_CREATED: &str = "user_created";

/// Collections with their fields, and what each name stands for.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) schema: SchemaSnapshot,
    /// What a name of the made-up schema stands for; `None` where the schema was given.
    stands: Option<Stands>,
    /// Whether every collection of content is a junction here; `None` where the schema says it, or nobody asks.
    pub(super) junctions: Option<bool>,
}

#[derive(Clone, Debug)]
struct Stands {
    collections: BTreeMap<String, String>,
    fields: BTreeMap<String, String>,
}

/// Everything that the policies and the question tell apart.
#[derive(Debug, Default)]
struct Spoken<'p> {
    collections: Vec<Shape<'p>>,
    fields: Vec<Shape<'p>>,
    junctions: bool,
}

impl World {
    /// The world of a schema, or those of the policies and the question.
    ///
    /// # Errors
    /// When the patterns tell too many kinds of names apart.
    pub(super) fn all(
        sets: &[&PolicySet],
        targets: &[&Target],
        schema: Option<&SchemaSnapshot>,
    ) -> Result<Vec<Self>, TooManyKinds> {
        if let Some(schema) = schema {
            return Ok(vec![Self { schema: schema.clone(), stands: None, junctions: None }]);
        }
        let own = system();
        let mut spoken = Spoken::default();
        for set in sets {
            spoken.policies(set);
        }
        for target in targets {
            spoken.list(&target.collections);
            target.fields.iter().for_each(|fields| spoken.fields(fields));
        }
        let known: Vec<&str> = own.collections().map(|collection| collection.name.as_str()).collect();
        let foreign = Glob::new("directus_*");
        spoken.collections.push(Shape::Glob(&foreign));
        let collections = named(&spoken.collections, &known)?;
        let fields = named(&spoken.fields, &[ID, USER_CREATED])?;
        let stands = Stands { collections, fields };
        let worlds = if spoken.junctions { vec![Some(false), Some(true)] } else { vec![None] };
        let made = worlds.into_iter().map(|junctions| {
            let schema = made_up(&stands, &own, junctions == Some(true));
            Self { schema, stands: Some(stands.clone()), junctions }
        });
        Ok(made.collect())
    }

    /// What a collection stands for, in words.
    pub(super) fn collection(&self, name: &str) -> String {
        let stands = self.stands.as_ref().and_then(|stands| stands.collections.get(name));
        stands.map_or_else(|| name.to_owned(), Clone::clone)
    }

    /// What a field stands for, in words.
    pub(super) fn field(&self, name: &str) -> String {
        let stands = self.stands.as_ref().and_then(|stands| stands.fields.get(name));
        stands.map_or_else(|| name.to_owned(), Clone::clone)
    }
}

/// The fields of a collection that hold data, and the bytes of a file.
pub(super) fn fields(collection: &Collection) -> impl Iterator<Item = &str> {
    let data = collection.fields.values().filter(|field| field.kind != FieldKind::Presentation);
    let bytes = (collection.name == FILES).then_some(BYTES);
    data.map(|field| field.name.as_str()).chain(bytes)
}

/// Names as policies list them: `*` for all that there are, and without some where that is shorter.
pub(super) fn listed(names: &BTreeSet<String>, all: &BTreeSet<String>) -> Vec<String> {
    let others: Vec<&String> = all.difference(names).collect();
    if names.is_subset(all) && others.len() < names.len() && all.len() > 1 {
        let others = others.into_iter().map(|name| format!("!{name}"));
        ["*".to_owned()].into_iter().chain(others).collect()
    } else {
        names.iter().cloned().collect()
    }
}

/// What all collections of these worlds stand for.
pub(super) fn all(worlds: &[World]) -> BTreeSet<String> {
    let of = |world: &World| -> Vec<String> {
        world.schema.collections().map(|collection| world.collection(&collection.name)).collect()
    };
    worlds.iter().flat_map(of).collect()
}

impl<'p> Spoken<'p> {
    fn policies(&mut self, set: &'p PolicySet) {
        for role in set.roles() {
            for permission in &role.permissions {
                self.permission(permission);
            }
        }
        let roles = set.roles();
        let forbids = roles.flat_map(|role| &role.forbid).chain(&set.guardrails().forbid);
        forbids.for_each(|forbid| self.list(&forbid.collections));
        for pattern in set.roles().flat_map(|role| &role.redact).chain(&set.guardrails().redact) {
            self.collections.push(Shape::Glob(pattern.collection()));
            self.fields.push(Shape::Glob(pattern.field()));
        }
    }

    fn permission(&mut self, permission: &'p Permission) {
        self.list(&permission.collections);
        self.fields(&permission.fields);
        self.fields.extend(spoken_of(permission).into_iter().map(Shape::Name));
    }

    fn list(&mut self, list: &'p CollectionPatterns) {
        self.junctions |= list.junctions().is_some();
        self.collections.extend(globs(list.names()));
    }

    fn fields(&mut self, list: &'p Patterns) {
        self.fields.extend(globs(list));
    }
}

fn globs(list: &Patterns) -> impl Iterator<Item = Shape<'_>> {
    list.included().iter().chain(list.excluded()).map(Shape::Glob)
}

/// A name of every kind, with what it stands for. Those that are known stand for themselves, and for nothing else.
fn named(spoken: &[Shape<'_>], known: &[&str]) -> Result<BTreeMap<String, String>, TooManyKinds> {
    let mut shapes: Vec<Shape<'_>> = Vec::new();
    for shape in spoken.iter().copied().chain(known.iter().map(|name| Shape::Name(name))) {
        if !shapes.contains(&shape) {
            shapes.push(shape);
        }
    }
    let found = kinds(&shapes)?.into_iter();
    let unknown = found.filter(|kind| !known.contains(&kind.name.as_str()));
    let mut named: BTreeMap<String, String> =
        unknown.map(|kind| (kind.name.clone(), words(&kind, &shapes))).collect();
    named.extend(known.iter().map(|name| ((*name).to_owned(), (*name).to_owned())));
    Ok(named)
}

/// A name that some pattern spells out stands for itself; any other for those that the same patterns match.
fn words(kind: &Kind, shapes: &[Shape<'_>]) -> String {
    let matching = kind.matched.iter().filter_map(|number| shapes.get(*number));
    let mut globs: Vec<&str> = Vec::new();
    for shape in matching {
        match shape {
            Shape::Name(name) => return (*name).to_owned(),
            Shape::Glob(glob) if !glob.as_str().contains('*') => return kind.name.clone(),
            Shape::Glob(glob) if glob.matches_everything() => {}
            Shape::Glob(glob) => globs.push(glob.as_str()),
        }
    }
    if globs.is_empty() {
        format!("{} (any other)", kind.name)
    } else {
        format!("{} ({})", kind.name, globs.join(" and "))
    }
}

/// Directus' own collections.
fn system() -> SchemaSnapshot {
    // The empty snapshot reads, as a test makes sure.
    SchemaSnapshot::from_snapshot(
        r#"{"directus": "12.4.0", "collections": [], "fields": [], "relations": []}"#,
    )
    .unwrap_or_default()
}

/// A schema with a collection for each name, and in each of them and of Directus' own a field for each name.
fn made_up(stands: &Stands, own: &SchemaSnapshot, junction: bool) -> SchemaSnapshot {
    let collection = |name: &String| {
        if let Some(own) = own.collection(name) {
            let more = stands.fields.keys().filter(|field| *field != USER_CREATED && *field != ID);
            return with_fields(own.clone(), more);
        }
        let primary_key = Some(ID.to_owned());
        let made = Collection { name: name.clone(), primary_key, junction, ..Collection::default() };
        with_fields(made, stands.fields.keys())
    };
    own.clone().with(stands.collections.keys().map(collection))
}

fn with_fields<'n>(mut collection: Collection, names: impl Iterator<Item = &'n String>) -> Collection {
    for name in names.filter(|name| *name != BYTES) {
        collection.fields.entry(name.clone()).or_insert_with(|| field(name));
    }
    collection
}

fn field(name: &str) -> Field {
    let (type_name, kind) = match name {
        ID => ("integer", FieldKind::Plain),
        USER_CREATED => ("uuid", FieldKind::ManyToOne { related: "directus_users".to_owned() }),
        _ => ("string", FieldKind::Plain),
    };
    Field {
        name: name.to_owned(),
        type_name: type_name.to_owned(),
        kind,
        default: None,
        filled_on_create: name == ID,
        filled_on_update: false,
        overwritten_on_create: false,
        searchable: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directus::access::Action;
    use crate::policy::diagnostic::Source;
    use crate::policy::proof::stand::{Stand, Standing};
    use crate::policy::rules::Rules;
    use crate::policy::set::GuardrailsFile;
    use proptest::prelude::*;
    use std::fmt::Write as _;

    fn set(lists: &[Vec<String>], redact: &str) -> Option<PolicySet> {
        let mut text =
            format!("version: 1\nrole: r\ndescription: By chance.\nredact: [\"{redact}\"]\npermissions:\n");
        for (number, list) in lists.iter().enumerate() {
            let fields = lists.last().filter(|fields| !fields.contains(&"@junctions".to_owned()))?;
            writeln!(
                text,
                "  - {{id: p{number}, collections: {list:?}, actions: [read, delete], fields: {fields:?}}}"
            )
            .ok()?;
        }
        writeln!(text, "forbid: [{{id: f, collections: {:?}, actions: [delete]}}]", lists.first()?).ok()?;
        let (set, _) = PolicySet::load(&[Source::new("r.yaml", text)], GuardrailsFile::Optional).ok()?;
        Some(set)
    }

    /// Everything that the rules say of a collection and a field.
    fn said(set: &PolicySet, schema: &SchemaSnapshot, collection: &str, field: &str) -> String {
        let rules = Rules::of(set, "r", Some(schema)).unwrap();
        let of = |action, field: Option<&str>| match Stand::of(rules, action, collection).standing(field) {
            Standing::Forbidden(hits) => hits.iter().map(crate::policy::rules::Hit::rule).collect(),
            Standing::Barred(bar) => bar.words().to_owned(),
            Standing::Open(ways) => ways.iter().map(|way| way.id.as_str()).collect::<Vec<_>>().join(" "),
        };
        format!(
            "{} | {} | {}",
            of(Action::Delete, None),
            of(Action::Read, None),
            of(Action::Read, Some(field))
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn whatever_is_called_is_treated_as_one_that_is_looked_at(
            lists in prop::collection::vec(prop::collection::vec("[ab*]{1,4}|![ab*]{1,3}|@junctions|!@junctions|directus_*", 1..4), 1..4),
            redact in "[ab*]{1,3}\\.[ab*]{1,3}",
            names in prop::collection::vec("[abcA]{1,6}|directus_[abc]{1,3}", 8),
            fields in prop::collection::vec("[abcA]{1,5}", 4),
            junction in any::<bool>(),
        ) {
            let lists: Vec<Vec<String>> = lists.into_iter().map(|mut list| { list.push("aab*".to_owned()); list }).collect();
            let Some(set) = set(&lists, &redact) else { return Ok(()) };
            let worlds = World::all(&[&set], &[], None).unwrap();
            let looked_at: BTreeSet<String> = worlds.iter().flat_map(|world| {
                world.schema.collections().flat_map(|one| super::fields(one).map(|field| said(&set, &world.schema, &one.name, field)).collect::<Vec<_>>())
            }).collect();
            for name in &names {
                let there = Collection { name: name.clone(), junction, ..Collection::default() };
                let schema = SchemaSnapshot::default().with([there]);
                for field in &fields {
                    let said = said(&set, &schema, name, field);
                    prop_assert!(looked_at.contains(&said), "{name}.{field} {said}: {lists:?} {looked_at:?}");
                }
            }
        }
    }

    #[test]
    fn directus_own_collections_are_there() {
        assert!(system().collections().count() > 25);
    }
}
