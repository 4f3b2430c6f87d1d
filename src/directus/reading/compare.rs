//! `sort`, `filter`, `search`, `aggregate` and `groupBy`: what is looked at without coming back as it is.

use super::Query;
use super::fields::bounded;
use super::path::{Function, list, segments};
use super::place::{Shown, join};
use crate::directus::access::{Access, Action, Extent, Fields};
use crate::directus::arguments::object;
use crate::directus::call::shown;
use crate::directus::field::own_field;
use crate::directus::json_text::texts;
use crate::directus::misread::Misread;
use crate::directus::operator;
use crate::directus::schema::FieldKind;
use serde_json::{Map, Value};

/// Most conditions that stand side by side. The database works on every one of them for every row.
const MOST: usize = 200;

/// Deepest nesting of a filter.
const DEEPEST: usize = 30;

/// What `aggregate` computes. At the root Directus drops everything else without a word, and then answers with whole items; below
/// it takes the others too.
const AGGREGATES: [&str; 5] = ["count", "sum", "avg", "min", "max"];

/// What `_aggregate` in `deep` computes besides.
const AGGREGATES_BELOW: [&str; 4] = ["countDistinct", "sumDistinct", "avgDistinct", "countAll"];

impl Query<'_> {
    /// What a query, or a part of `deep`, says of its own place.
    pub(super) fn at(&mut self, via: &str, query: &Map<String, Value>) -> Result<(), Misread> {
        if let Some(limit) = query.get("limit") {
            let limit = limit.as_i64().ok_or_else(|| Misread::because("`limit` is not an integer"))?;
            let place = self.place_mut(via)?;
            // Any negative limit is none (FACTS section 4).
            (place.limit, place.said) = (u64::try_from(limit).ok(), true);
        }
        for part in ["offset", "page"] {
            if query.get(part).is_some_and(|value| value.as_u64().is_none()) {
                return Err(Misread::because(format!("`{part}` is not an integer of at least 0")));
            }
        }
        if let Some(search) = query.get("search") {
            let term = search.as_str().ok_or_else(|| Misread::because("`search` is not a text"))?;
            // Directus takes an empty one for none.
            self.place_mut(via)?.searched = !term.is_empty() || !via.is_empty();
        }
        if let Some(aggregate) = query.get("aggregate") {
            self.aggregate(via, object(aggregate, "aggregate")?)?;
        }
        if let Some(groups) = query.get("groupBy") {
            self.group(via, groups)?;
        }
        if let Some(sort) = query.get("sort") {
            let entries = texts(sort, "sort")?;
            bounded("sort", entries.len())?;
            for entry in entries {
                self.sort(via, entry)?;
            }
        }
        if let Some(filter) = query.get("filter") {
            let filtered = self.filter(via, object(filter, "filter")?, 0)?;
            self.place_mut(via)?.filtered = filtered;
        }
        Ok(())
    }

    fn aggregate(&mut self, via: &str, aggregate: &Map<String, Value>) -> Result<(), Misread> {
        self.place_mut(via)?.aggregated = true;
        for (operation, fields) in aggregate {
            if !is_aggregate(operation, via) {
                return Err(Misread::because(format!(
                    "`{}` in `aggregate` is not understood",
                    shown(operation)
                )));
            }
            let fields = texts(fields, "aggregate")?;
            if fields.is_empty() {
                return Err(nothing("aggregate"));
            }
            for field in fields.iter().flat_map(|field| list(field)) {
                // `count(*)` names no field; `max(*)` is a whole row where the database can order rows.
                if field != "*" || !operation.starts_with("count") {
                    self.compare(via, field)?;
                }
            }
        }
        if aggregate.is_empty() { Err(nothing("aggregate")) } else { Ok(()) }
    }

    fn group(&mut self, via: &str, groups: &Value) -> Result<(), Misread> {
        self.place_mut(via)?.aggregated = true;
        let groups = texts(groups, "groupBy")?;
        if groups.is_empty() {
            return Err(nothing("groupBy"));
        }
        let groups: Vec<&str> = groups.iter().flat_map(|group| list(group)).collect();
        bounded("groupBy", groups.len())?;
        for group in groups {
            self.compare(via, group)?;
        }
        Ok(())
    }

    /// One entry of `sort`: a path, an alias, or an aggregate such as `max.price`.
    fn sort(&mut self, via: &str, entry: &str) -> Result<(), Misread> {
        let entry = entry.strip_prefix('-').unwrap_or(entry);
        let place = self.place(via)?;
        if let Some(target) = place.aliases.get(entry).cloned() {
            if place.collection.fields.contains_key(entry) {
                self.compare(via, entry)?;
            }
            return self.compare(via, &target);
        }
        match entry.split_once('.') {
            Some((operation, field)) if place.aggregated && is_aggregate(operation, via) => {
                if field == "*" {
                    Ok(())
                } else {
                    self.compare(via, field)
                }
            }
            Some(_) | None => self.compare(via, entry),
        }
    }

    /// A path whose value is compared.
    fn compare(&mut self, via: &str, path: &str) -> Result<(), Misread> {
        let path = segments(path)?;
        let Some((last, relations)) = path.split_last() else { return Ok(()) };
        let mut places = vec![via.to_owned()];
        for relation in relations {
            let mut next = Vec::new();
            for place in places {
                next.extend(self.follow_or_step(&place, relation)?);
            }
            places = next;
        }
        for place in places {
            match Function::of(last)? {
                Some(function) => self.function(&place, function)?,
                None => self.compare_field(&place, last, false)?,
            }
        }
        Ok(())
    }

    /// Compares a field of a place; how many items a list has is told by their keys.
    pub(super) fn compare_field(&mut self, via: &str, name: &str, counted: bool) -> Result<(), Misread> {
        match own_field(self.place(via)?.collection, name, "the query")? {
            FieldKind::Plain | FieldKind::ManyToOne { .. } | FieldKind::ManyToAny { .. } => {
                self.place_mut(via)?.compared.insert(name.to_owned());
                Ok(())
            }
            FieldKind::OneToMany { .. } if counted => {
                for below in self.look_into(via, name)? {
                    let place = self.place_mut(&below)?;
                    place.compared.extend(place.collection.primary_key.clone());
                }
                Ok(())
            }
            FieldKind::OneToMany { .. } | FieldKind::Presentation => {
                Err(Misread::because(format!("`{}` has no value that could be compared", shown(name))))
            }
        }
    }

    /// A filter at a place, and whether it can leave out any row.
    ///
    /// Directus takes `{}`, `{"_and": []}` and `{"id": {}}` for no filter at all (FACTS section 5).
    pub(super) fn filter(
        &mut self,
        via: &str,
        filter: &Map<String, Value>,
        depth: usize,
    ) -> Result<bool, Misread> {
        if depth > DEEPEST || filter.len() > MOST {
            return Err(Misread::because(format!(
                "the filter is deeper than {DEEPEST} levels, or wider than {MOST} conditions"
            )));
        }
        let mut selects = false;
        for (key, value) in filter {
            selects |= match key.as_str() {
                "_and" | "_or" => self.combined(via, key, value, depth)?,
                name => self.condition(via, name, value, depth)?,
            };
        }
        Ok(selects)
    }

    /// One effective part is enough for `_and`; a part that is not makes all of `_or` select everything.
    fn combined(&mut self, via: &str, key: &str, value: &Value, depth: usize) -> Result<bool, Misread> {
        let parts = value.as_array().filter(|parts| parts.len() <= MOST);
        let parts = parts.ok_or_else(|| {
            Misread::because(format!("`{key}` in `filter` is not a list of at most {MOST} parts"))
        })?;
        let mut effective = Vec::new();
        for part in parts {
            effective.push(self.filter(via, object(part, key)?, depth + 1)?);
        }
        let all = !effective.is_empty() && effective.iter().all(|part| *part);
        Ok(if key == "_and" { effective.contains(&true) } else { all })
    }

    /// What is under a name: comparisons of the field, or a filter of what it leads to.
    fn condition(&mut self, via: &str, name: &str, value: &Value, depth: usize) -> Result<bool, Misread> {
        if let Some(function) = Function::of(name).ok().flatten() {
            self.function(via, function)?;
            return self.compared_with(name, value);
        }
        let leads = name.starts_with('$') || name.contains(':') || self.leads(via, name, value)?;
        if !leads {
            self.compare_field(via, name, false)?;
            return self.compared_with(name, value);
        }
        let inner = object(value, "filter")?;
        let mut selects = false;
        for place in self.follow_or_step(via, name)? {
            selects |= self.below(&place, inner, depth + 1)?;
        }
        Ok(selects)
    }

    /// Whether what stands under a field is a filter of the items that it leads to.
    fn leads(&self, via: &str, name: &str, value: &Value) -> Result<bool, Misread> {
        Ok(match own_field(self.place(via)?.collection, name, "filter")? {
            FieldKind::Plain | FieldKind::Presentation => false,
            FieldKind::OneToMany { .. } => true,
            FieldKind::ManyToOne { .. } | FieldKind::ManyToAny { .. } => {
                value.as_object().is_some_and(|inner| inner.keys().any(|key| !operator::is_one(key)))
            }
        })
    }

    /// A filter of related items, bare or under `_some` or `_none`.
    fn below(&mut self, via: &str, inner: &Map<String, Value>, depth: usize) -> Result<bool, Misread> {
        let mut selects = false;
        for (key, value) in inner {
            selects |= match key.as_str() {
                "_some" | "_none" => self.filter(via, object(value, key)?, depth + 1)?,
                "_and" | "_or" => self.combined(via, key, value, depth)?,
                name => self.condition(via, name, value, depth)?,
            };
        }
        Ok(selects)
    }

    /// Reads what a value is compared with. `$CURRENT_USER.email` reads the user's own row.
    fn compared_with(&mut self, name: &str, value: &Value) -> Result<bool, Misread> {
        let found = operator::read(name, value)?;
        for field in found.of_user {
            self.of_user(field)?;
        }
        Ok(found.selects)
    }

    /// A filter may name thousands of them, and each access is judged and recorded: all are one access.
    fn of_user(&mut self, field: String) -> Result<(), Misread> {
        if let Some(users) = self.schema.collection(USERS) {
            own_field(users, &field, "filter")?;
        }
        if let Some(access) = self.beside.iter_mut().find(|access| access.via == CURRENT_USER) {
            access.fields.named.insert(field);
            return Ok(());
        }
        let access = Access::asked(Action::Read, USERS, Fields::named([field]), Extent::Children(0));
        self.beside.push(access.with_via(CURRENT_USER));
        Ok(())
    }

    /// Goes along a relation, or backwards along any pointer that leads here: `$FOLLOW(collection,field)`.
    fn follow_or_step(&mut self, via: &str, segment: &str) -> Result<Vec<String>, Misread> {
        let Some(inside) = segment.strip_prefix("$FOLLOW(").and_then(|rest| rest.strip_suffix(')')) else {
            return self.look_into(via, segment);
        };
        let odd = || Misread::because(format!("`{}` is not understood", shown(segment)));
        let (collection, field) = inside.split_once(',').ok_or_else(odd)?;
        let (collection, field) = (collection.trim(), field.trim());
        let here = self.place(via)?.collection.name.clone();
        let kind = self
            .schema
            .collection(collection)
            .and_then(|other| other.fields.get(field))
            .map(|field| &field.kind);
        match kind {
            Some(FieldKind::ManyToOne { related }) if *related == here => {}
            Some(_) | None => return Err(odd()),
        }
        let path = self.arrive(join(via, segment), collection, Shown::Compared, false)?;
        let place = self.place_mut(&path)?;
        place.looked_into = true;
        place.compared.insert(field.to_owned());
        Ok(vec![path])
    }
}

/// The path of what a filter reads of the user whose token it is.
const CURRENT_USER: &str = "$CURRENT_USER";
const USERS: &str = "directus_users";

fn is_aggregate(operation: &str, via: &str) -> bool {
    AGGREGATES.contains(&operation) || (!via.is_empty() && AGGREGATES_BELOW.contains(&operation))
}

/// Directus would take it for not being there, and answer with whole items.
fn nothing(part: &str) -> Misread {
    Misread::because(format!("`{part}` names nothing: leave it out"))
}
