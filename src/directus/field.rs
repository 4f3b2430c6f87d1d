//! Names of fields, where a request writes one.

use super::call::shown;
use super::misread::Misread;
use super::schema::{Collection, FieldKind};

/// A field that holds a value of its own, so that comparing it reaches no other collection.
pub(crate) fn column(collection: &Collection, name: &str, place: &str) -> Result<String, Misread> {
    match own_field(collection, name, place)? {
        FieldKind::Plain | FieldKind::ManyToOne { .. } | FieldKind::ManyToAny { .. } => Ok(name.to_owned()),
        FieldKind::OneToMany { .. } => {
            Err(Misread::beyond(&format!("the relation `{}` in `{place}`", shown(name))))
        }
        FieldKind::Presentation => Err(no_data(name)),
    }
}

/// What a value of the field means, if the collection has it.
pub(crate) fn own_field<'a>(
    collection: &'a Collection,
    name: &str,
    place: &str,
) -> Result<&'a FieldKind, Misread> {
    // A field without a column may be called `user_created.email`; what is read by that name is the user's own field.
    if is_path(name) {
        return Err(Misread::beyond(&format!("`{}` in `{place}`", shown(name))));
    }
    if let Some(field) = collection.fields.get(name) {
        return Ok(&field.kind);
    }
    Err(Misread::because(format!(
        "{} has no field `{}`, which `{place}` names",
        collection.name,
        shown(name)
    )))
}

/// Whether Directus reads that name as a path or a function, even where a field has it.
pub(crate) fn is_path(name: &str) -> bool {
    name.contains(['.', ',', '(', ')', ':', '$'])
}

/// That a field is shown in the data studio only.
pub(crate) fn no_data(name: &str) -> Misread {
    Misread::because(format!("the field `{}` holds no data: leave it out", shown(name)))
}
