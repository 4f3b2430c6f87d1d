//! Are the tallies of hours what their entries come to?

use super::Fault;
use crate::audit::tallies::{Hour, Tally, read};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

/// How many hours have a tally, or the first one that says something else than its entries. Each is made anew, of one state of the
/// trail, so that memory does not grow with their number, and a gateway may write meanwhile.
pub(super) async fn fault(connection: &mut SqliteConnection) -> Result<Result<u64, Fault>, sqlx::Error> {
    let (mut after, mut checked) = (i64::MIN, 0);
    loop {
        let mut reading = connection.begin().await?;
        let next: Option<i64> = sqlx::query_scalar("SELECT min(hour) FROM tallied_hours WHERE hour > ?")
            .bind(after)
            .fetch_one(&mut *reading)
            .await?;
        let Some(number) = next else { return Ok(Ok(checked)) };
        let hour = Hour::numbered(number);
        let same = read(&mut reading, hour).await? == Tally::make(&mut reading, hour).await?;
        reading.commit().await?;
        if !same {
            return Ok(Err(Fault::Tally { hour: hour.to_string() }));
        }
        (after, checked) = (number, checked + 1);
    }
}
