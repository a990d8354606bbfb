//! What is kept of a client.

use alloc::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};

use super::request::{Place, parse_name};
use crate::app::App;
use crate::info::Purged;
use crate::names::{Holder, Name};
use crate::problem::Problem;
use crate::tokens::{Identity, Role};

/// Deletes everything that is kept of a client: its evaluation keys for all models, those of earlier holders of its name
/// included. Clients purge themselves, admins anybody. The token stays; its operator removes it with `tenebra token remove`,
/// which purges as well.
#[utoipa::path(delete, path = "/v1/clients/{client}", tag = "clients", operation_id = "purgeClient",
    params(("client" = String, Path, description = "Name of the client's token")),
    responses((status = 200, description = "Deleted", body = Purged)))]
pub(crate) async fn purge(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Place(client): Place<String>,
) -> Result<Json<Purged>, Problem> {
    let name: Name = parse_name("client", &client)?;
    if identity.role != Role::Admin && identity.name != name {
        return Err(Problem::role("admins, and clients themselves"));
    }
    let keys = app.store.purge(&name).await?;
    app.keys
        .remove_all(|(holder, _, _)| Holder::is_of(holder.as_str(), &name));
    tracing::info!(by = %identity.name, client = %name, keys, "purged");
    Ok(Json(Purged {
        client: name.to_string(),
        keys: keys as u64,
    }))
}
