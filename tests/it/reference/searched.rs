//! A search, as the second evaluator has it: over what may be read, and nothing else.

use super::evaluate::Reference;
use super::generate::Permission;
use serde_json::{Value, json};
use warrener::directus::schema::Field;
use warrener::directus::{Access, Action, Extent};

impl Reference<'_> {
    /// Whether a field that the permission does not show is one that a search need not look at.
    pub(super) fn can_be_passed_over(&self, permission: &Permission, access: &Access, field: &str) -> bool {
        let plain = access.via.is_empty() && !self.writes && access.extent != Extent::Singleton;
        let narrowable = plain && self.projectable && self.is_of_query(access);
        access.action == Action::Read
            && access.fields.searched.contains(field)
            && narrowable
            && self.open(permission, access).iter().any(|field| is_text(field))
    }

    /// The condition that stands for the search, where that would look at more than the permission shows.
    pub(super) fn found_by(&self, access: &Access) -> Option<Value> {
        let permission = self.read_by(access)?;
        let mut searched = access.fields.searched.iter();
        if searched.all(|field| self.reads(permission, &access.collection, field)) {
            return None;
        }
        let term = self.query("search")?.as_str()?.trim().to_owned();
        let number: Option<u32> = term.parse().ok();
        // A variable of Directus is none in lower case.
        let text = json!({ "_icontains": term.replace("$NOW", "$now") });
        let equal = json!({ "_eq": number });
        let conditions = self.open(permission, access).into_iter().filter_map(|field| {
            let is_number = ["integer", "bigInteger", "float", "decimal"].contains(&field.type_name.as_str());
            let found =
                if is_text(field) { Some(&text) } else { number.filter(|_| is_number).map(|_| &equal) };
            found.map(|found| json!({ field.name.as_str(): found }))
        });
        Some(json!({ "_or": conditions.collect::<Vec<_>>() }))
    }

    fn open(&self, permission: &Permission, access: &Access) -> Vec<&Field> {
        let fields = self.schema.collection(&access.collection).map(|collection| collection.fields.values());
        let open =
            |field: &&Field| self.reads(permission, &access.collection, &field.name) && field.searchable;
        fields.into_iter().flatten().filter(open).collect()
    }
}

fn is_text(field: &Field) -> bool {
    matches!(field.type_name.as_str(), "string" | "text")
}
