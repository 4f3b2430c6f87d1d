//! `fields` and `alias`: what comes back.

use super::Query;
use super::path::{Function, list, segments};
use super::place::{Shown, join};
use crate::directus::call::shown;
use crate::directus::field::{is_path, no_data, own_field};
use crate::directus::json_text::texts;
use crate::directus::misread::Misread;
use crate::directus::schema::{Collection, FieldKind};
use serde_json::{Map, Value};

/// Most entries of one list of names.
const MOST: usize = 200;

impl Query<'_> {
    /// Everything that `fields` lists at the root.
    pub(super) fn select_all(&mut self, fields: &Value) -> Result<(), Misread> {
        let entries = texts(fields, "fields")?;
        self.keys_only = entries.is_empty();
        // Directus splits an entry at its commas, and trims what it gets.
        let entries: Vec<&str> = entries.iter().flat_map(|entry| list(entry)).collect();
        // A projection spells a wildcard out, so names alone may be many.
        bounded("fields", entries.iter().filter(|entry| entry.contains('*')).count())?;
        for entry in entries {
            self.select("", entry, false)?;
        }
        Ok(())
    }

    /// One entry of `fields`, from a place on.
    pub(super) fn select(&mut self, via: &str, entry: &str, expanded: bool) -> Result<(), Misread> {
        let path = segments(entry)?;
        match path.as_slice() {
            ["*"] => self.select_wildcard(via),
            ["*", ..] => {
                let rest = entry.split_once('.').map_or("", |(_, rest)| rest);
                self.select_below(via, rest)
            }
            [segment] => self.select_here(via, segment),
            [first, ..] if first.contains(['(', ')']) => {
                Err(Misread::because(format!("`{}` is not a path", shown(entry))))
            }
            [first, ..] => {
                let rest = entry.split_once('.').map_or("", |(_, rest)| rest);
                for place in self.step(via, first, Shown::One, expanded)? {
                    self.select_in_any(&place, rest, expanded)?;
                }
                Ok(())
            }
            [] => Ok(()),
        }
    }

    /// Of a pointer into several collections, each has only some of the fields.
    fn select_in_any(&mut self, via: &str, rest: &str, expanded: bool) -> Result<(), Misread> {
        let scoped = via.rsplit('.').next().is_some_and(|last| last.contains(':'));
        let name = rest.split(['.', ':']).next().unwrap_or_default();
        let lacks = !self.place(via)?.collection.fields.contains_key(name);
        if scoped
            && lacks
            && name != "*"
            && !name.contains('(')
            && !self.place(via)?.aliases.contains_key(name)
        {
            return Ok(());
        }
        self.select(via, rest, expanded)
    }

    /// All columns, the keys of children, and all aliases.
    fn select_wildcard(&mut self, via: &str) -> Result<(), Misread> {
        let place = self.place_mut(via)?;
        place.selected.wildcard = true;
        let aliases: Vec<(String, String)> = place.aliases.clone().into_iter().collect();
        let lists = place.collection.fields.values().filter_map(|field| match &field.kind {
            FieldKind::OneToMany { related, .. } if !is_path(&field.name) => {
                Some((field.name.clone(), related.clone()))
            }
            FieldKind::OneToMany { .. }
            | FieldKind::Plain
            | FieldKind::ManyToOne { .. }
            | FieldKind::ManyToAny { .. }
            | FieldKind::Presentation => None,
        });
        let lists: Vec<_> = lists.collect();
        for (name, related) in lists {
            self.keys_of(via, (&name, &name), &related, true)?;
        }
        for (name, target) in aliases {
            self.select_target(via, &name, &target)?;
        }
        Ok(())
    }

    /// `*.rest`: the rest from every relation on, and all columns besides.
    fn select_below(&mut self, via: &str, rest: &str) -> Result<(), Misread> {
        self.select_wildcard(via)?;
        let relations = self.place(via)?.collection.fields.values().filter(|field| match field.kind {
            FieldKind::ManyToOne { .. } | FieldKind::OneToMany { .. } | FieldKind::ManyToAny { .. } => true,
            FieldKind::Plain | FieldKind::Presentation => false,
        });
        let names: Vec<String> =
            relations.map(|field| field.name.clone()).filter(|name| !is_path(name)).collect();
        for name in &names {
            for place in self.step(via, name, Shown::One, true)? {
                self.select_in_any(&place, rest, true)?;
            }
        }
        // An alias of a relation is one more relation, with what `deep` says under the alias' name.
        let aliases = self.place(via)?.aliases.clone();
        for (alias, _) in aliases.iter().filter(|(_, target)| names.contains(target)) {
            for place in self.step(via, alias, Shown::One, false)? {
                self.select_in_any(&place, rest, false)?;
            }
        }
        Ok(())
    }

    /// One field, function or alias of a place.
    fn select_here(&mut self, via: &str, segment: &str) -> Result<(), Misread> {
        if let Some(target) = self.place(via)?.aliases.get(segment).cloned() {
            self.place_mut(via)?.entries.add(segment);
            return self.select_target(via, segment, &target);
        }
        self.select_target(via, segment, segment)?;
        self.place_mut(via)?.entries.add(segment);
        Ok(())
    }

    /// Reads what a name stands for: a field, or a function of one.
    fn select_target(&mut self, via: &str, name: &str, target: &str) -> Result<(), Misread> {
        if let Some(function) = Function::of(target)? {
            return self.function(via, function);
        }
        match own_field(self.place(via)?.collection, target, "fields")?.clone() {
            FieldKind::Plain | FieldKind::ManyToOne { .. } | FieldKind::ManyToAny { .. } => {}
            FieldKind::OneToMany { related, .. } => self.keys_of(via, (name, target), &related, false)?,
            FieldKind::Presentation => return Err(no_data(target)),
        }
        self.place_mut(via)?.selected.named.insert(target.to_owned());
        Ok(())
    }

    /// A list that is named, without anything below it, brings the keys of its items.
    fn keys_of(
        &mut self,
        via: &str,
        (name, field): (&str, &str),
        related: &str,
        expanded: bool,
    ) -> Result<(), Misread> {
        let path = self.arrive(join(via, name), related, Shown::List, expanded)?;
        let place = self.place_mut(&path)?;
        place.from = Some((via.to_owned(), format!("{field}:{related}")));
        place.selected.named.extend(place.collection.primary_key.clone());
        Ok(())
    }

    /// A function reads the field that it is of, wherever that is.
    pub(super) fn function(&mut self, via: &str, function: Function<'_>) -> Result<(), Misread> {
        let path = segments(function.path)?;
        let Some((field, relations)) = path.split_last() else { return Ok(()) };
        let mut places = vec![via.to_owned()];
        for relation in relations {
            let mut next = Vec::new();
            for place in places {
                next.extend(self.look_into(&place, relation)?);
            }
            places = next;
        }
        for place in places {
            self.compare_field(&place, field, function.name == "count")?;
        }
        Ok(())
    }

    /// Names that stand for others at a place.
    pub(super) fn alias(&mut self, via: &str, alias: &Value) -> Result<(), Misread> {
        let alias: &Map<String, Value> = crate::directus::arguments::object(alias, "alias")?;
        bounded("alias", alias.len())?;
        for (name, target) in alias {
            let Some(target) = target.as_str() else {
                return Err(Misread::because("`alias` holds something that is not a text"));
            };
            if !is_free(name, self.place(via)?.collection) || target.trim() != target {
                return Err(Misread::because(format!(
                    "`{}` is not a name that `alias` can give: take one that is neither a relation nor the key",
                    shown(name)
                )));
            }
            self.place_mut(via)?.aliases.insert(name.clone(), target.to_owned());
            self.aliased(via, target)?;
        }
        Ok(())
    }

    /// Reads what an alias stands for, wherever its name is used: `groupBy` takes it up as well, where it is the name of a field too.
    fn aliased(&mut self, via: &str, target: &str) -> Result<(), Misread> {
        if let Some(function) = Function::of(target)? {
            return self.function(via, function);
        }
        match own_field(self.place(via)?.collection, target, "alias")? {
            FieldKind::Plain | FieldKind::ManyToOne { .. } | FieldKind::ManyToAny { .. } => {
                self.place_mut(via)?.compared.insert(target.to_owned());
                Ok(())
            }
            FieldKind::OneToMany { .. } => Ok(()),
            FieldKind::Presentation => Err(no_data(target)),
        }
    }
}

/// A wildcard takes every alias up, at every place that it leads to; one call may not make that more than a moment's work.
pub(super) fn bounded(part: &str, entries: usize) -> Result<(), Misread> {
    if entries > MOST {
        return Err(Misread::because(format!("`{part}` has more than {MOST} entries, or as many wildcards")));
    }
    Ok(())
}

/// Whether an alias may have the name. `fields` and `deep` would take a relation's name for the alias, `filter` and `sort` for the
/// relation; rows are told apart by what stands under the key's name; a wildcard among the aliases is one without an end.
fn is_free(name: &str, collection: &Collection) -> bool {
    let field = collection.fields.get(name);
    let leads = field.is_some_and(|field| match field.kind {
        FieldKind::ManyToOne { .. } | FieldKind::OneToMany { .. } | FieldKind::ManyToAny { .. } => true,
        FieldKind::Plain | FieldKind::Presentation => false,
    });
    let is_odd = is_path(name) || name.contains('*') || name.starts_with('_') || name.trim() != name;
    !name.is_empty() && !is_odd && !leads && collection.primary_key.as_deref() != Some(name)
}
