//! Names of fields, where a request writes one.

use super::call::shown;
use super::misread::Misread;
use super::schema::{Collection, FieldKind};

/// What a value of the field means, if the collection has it.
pub(crate) fn own_field<'a>(
    collection: &'a Collection,
    name: &str,
    place: &str,
) -> Result<&'a FieldKind, Misread> {
    // A field without a column may be called `user_created.email`; what is read by that name is the user's own field.
    if is_path(name) {
        return Err(Misread::because(format!(
            "`{}` in `{place}` is not the name of a field, and no path or function is taken there",
            shown(name)
        )));
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
