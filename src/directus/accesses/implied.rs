//! What the database or Directus does in turn.

use crate::directus::access::{Access, Action, Extent, Fields, Origin};
use crate::directus::schema::{Collection, Deselect, SchemaSnapshot};
use std::collections::BTreeSet;

/// The fields that Directus fills when a row is written.
pub(super) fn filled(target: &Collection, action: Action, extent: &Extent) -> Option<Access> {
    let names = target.fields.values().filter(|field| match action {
        Action::Create => field.filled_on_create,
        Action::Update => field.filled_on_update,
        Action::Read | Action::Delete | Action::Execute | Action::Import => false,
    });
    let mut fields = Fields::named(names.map(|field| field.name.clone()));
    if action == Action::Create && target.name == "directus_operations" {
        // An operation that has no place on the canvas gets one.
        fields.named.extend(["position_x", "position_y"].map(str::to_owned));
    }
    (!fields.named.is_empty())
        .then(|| Access::asked(action, &target.name, fields, extent.clone()).with_origin(Origin::Implied))
}

/// Directus keeps the operations of a flow apart on its canvas, and their chain whole: writing one can move and relink others.
pub(super) fn moved(operations: &Collection) -> Vec<Access> {
    let places = Fields::named(["position_x", "position_y", "resolve", "reject"]);
    let others = Extent::Query { limit: None, said: false, filtered: true };
    [(Action::Update, others), (Action::Create, Extent::New(1))]
        .into_iter()
        .map(|(action, extent)| {
            let access = Access::asked(action, &operations.name, places.clone(), extent);
            access.with_origin(Origin::Implied).with_via("flow.operations")
        })
        .collect()
}

/// What goes, or loses its pointer, when items of a collection are deleted: the database's own foreign keys.
pub(crate) fn cascade(target: &Collection, schema: &SchemaSnapshot) -> Vec<Access> {
    let mut accesses = Vec::new();
    follow(target, schema, "", &mut BTreeSet::from([target.name.clone()]), &mut accesses);
    accesses
}

fn follow(
    target: &Collection,
    schema: &SchemaSnapshot,
    path: &str,
    seen: &mut BTreeSet<String>,
    accesses: &mut Vec<Access>,
) {
    for link in &target.on_delete {
        let via = format!("{path}{}.{}", link.collection, link.field);
        let (action, fields) = match link.consequence {
            Deselect::Delete => (Action::Delete, Fields::none()),
            Deselect::Nullify => (Action::Update, Fields::named([link.field.clone()])),
        };
        let access = Access::asked(action, &link.collection, fields, Extent::Children(1));
        accesses.push(access.with_origin(Origin::Implied).with_via(&via));
        let further = link.consequence == Deselect::Delete && seen.insert(link.collection.clone());
        if let Some(next) = schema.collection(&link.collection).filter(|_| further) {
            follow(next, schema, &format!("{via}."), seen, accesses);
        }
    }
}
