//! Changes that are the same, put together: first whether a collection is a junction, then collections, then actions.

use super::{Change, Changed, Row};
use crate::directus::access::Action;
use crate::policy::proof::world::{World, all, listed};
use std::collections::{BTreeMap, BTreeSet};

/// The rows of one role: what changes in each world, and where it is the same in both, once.
pub(super) fn rows<'w>(
    role: &str,
    worlds: &'w [World],
    changes: impl Fn(&'w World) -> Vec<Changed<'w>>,
) -> Vec<Row> {
    let mut cells = Vec::new();
    let mut seen: BTreeMap<(Action, &str), Vec<Change>> = BTreeMap::new();
    for world in worlds {
        for Changed { action, collection, changes } in changes(world) {
            let is_own = collection.starts_with("directus_");
            let earlier = seen.get(&(action, collection));
            // Directus' own are never junctions, and others may be treated alike.
            if is_own && earlier.is_some() {
                continue;
            }
            if earlier == Some(&changes) {
                cells.retain(|cell: &Cell| !(cell.action == action && cell.name == collection));
                cells.push(Cell::new(world, action, collection, None, changes));
                continue;
            }
            seen.insert((action, collection), changes.clone());
            let junction = world.junctions.filter(|_| !is_own);
            cells.push(Cell::new(world, action, collection, junction, changes));
        }
    }
    by_action(role, by_collection(cells, &all(worlds)))
}

/// What changes of one action on one collection.
struct Cell {
    action: Action,
    /// Its name in the schema.
    name: String,
    /// What it stands for.
    shown: String,
    changes: Vec<Change>,
}

impl Cell {
    fn new(world: &World, action: Action, name: &str, junction: Option<bool>, changes: Vec<Change>) -> Self {
        let mut shown = world.collection(name);
        match junction {
            Some(true) => shown.push_str(" as a junction"),
            Some(false) => shown.push_str(" as no junction"),
            None => {}
        }
        Self { action, name: name.to_owned(), shown, changes }
    }
}

fn by_collection(cells: Vec<Cell>, all: &BTreeSet<String>) -> Vec<(Action, Vec<String>, Change)> {
    let mut alike: BTreeMap<(Action, Change), BTreeSet<String>> = BTreeMap::new();
    for cell in cells {
        for change in cell.changes {
            alike.entry((cell.action, change)).or_default().insert(cell.shown.clone());
        }
    }
    let told = |((action, change), collections)| (action, listed(&collections, all), change);
    alike.into_iter().map(told).collect()
}

fn by_action(role: &str, changes: Vec<(Action, Vec<String>, Change)>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (action, collections, change) in changes {
        match rows.iter_mut().find(|row| row.collections == collections && row.change == change) {
            Some(row) => row.actions.push(action),
            None => rows.push(Row { role: role.to_owned(), actions: vec![action], collections, change }),
        }
    }
    rows.sort_by(|one, other| {
        (one.change.kind, &one.collections, &one.actions).cmp(&(
            other.change.kind,
            &other.collections,
            &other.actions,
        ))
    });
    rows
}
