//! Every address, who may use it, and what it asks at the door. A route exists only as a line of this table: one that
//! does not say both does not build, and a test walks them all in every role.

use crate::{api, app::App, assets, enter, pages};
use axum::{Router, extract::DefaultBodyLimit, middleware, routing};
use service::Permission;

/// Who may use a route. Whether a particular *act* is allowed is asked in `service`; this says what a test must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody.
    Anyone,
    /// Who has a one-time address, while it is good.
    SetUp,
    /// Who has signed in.
    SignedIn,
    /// A program with an API token that is for it.
    Token,
    /// Who runs the folder; for everybody else there is no such page.
    Operator,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// `get`, `post` …
    pub method: &'static str,
    /// As the router takes it: `{name}` is a part that varies.
    pub path: &'static str,
    /// Who may use it.
    pub who: Who,
    /// What it asks at the door first; `None`: nothing.
    pub asks: Option<Permission>,
}

macro_rules! asks {
    (Nothing) => {
        None
    };
    ($permission:ident) => {
        Some(Permission::$permission)
    };
}

macro_rules! table {
    ($($method:ident $path:literal $who:ident $asks:ident $handler:path;)*) => {
        /// Every route of the portal.
        pub const ROUTES: &[Route] =
            &[$(Route { method: stringify!($method), path: $path, who: Who::$who, asks: asks!($asks) }),*];

        pub(crate) fn router(app: App) -> Router {
            Router::new()
                $(.route($path, routing::$method($handler)))*
                .fallback(pages::nothing)
                // Each body has bounds of its own, where it is read.
                .layer(DefaultBodyLimit::disable())
                .layer(middleware::from_fn_with_state(app.clone(), enter::enter))
                .with_state(app)
        }
    };
}

table! {
    get "/" Anyone Nothing pages::home::page;
    get "/assets/{version}/{name}" Anyone Nothing assets::serve;
    get "/healthz" Anyone Nothing pages::healthz;
    get "/readyz" Anyone Nothing pages::readyz;
    get "/ledger/checkpoint" Anyone Nothing pages::open::checkpoint;
    get "/ledger/cosigned" Anyone Nothing pages::open::cosigned;
    get "/ledger/tile/{*path}" Anyone Nothing pages::open::tile;
    post "/tsa" Anyone Nothing pages::open::stamp;
    get "/verify" Anyone Nothing pages::verify::page;
    post "/verify" Anyone Nothing pages::verify::submit;
    get "/verify/browser" Anyone Nothing pages::browser::page;
    get "/verify/browser.html" Anyone Nothing pages::browser::published;
    get "/trust.zip" Anyone Nothing pages::browser::trust;
    get "/verify/record" Anyone Nothing pages::lookup::page;
    post "/verify/record" Anyone Nothing pages::lookup::submit;
    get "/s/{link}" Anyone Nothing pages::share::page;
    get "/s/{link}/picture.jpg" Anyone Nothing pages::share::picture;
    get "/s/{link}/certificate.pdf" Anyone Nothing pages::share::certificate;
    get "/s/{link}/package.zip" Anyone Nothing pages::share::package;
    get "/s/{link}/original" Anyone Nothing pages::share::original;
    get "/confirm/{link}" Anyone Nothing pages::confirm::page;
    post "/confirm/{link}" Anyone Nothing pages::confirm::submit;
    get "/confirm/{link}/picture/{name}" Anyone Nothing pages::confirm::picture;
    get "/confirm/{link}/certificate.pdf" Anyone Nothing pages::confirm::certificate;
    get "/confirm/{link}/package.zip" Anyone Nothing pages::confirm::package;
    get "/preferences" Anyone Nothing pages::preferences;
    get "/set-up/{token}" SetUp Nothing pages::set_up::page;
    post "/set-up/{token}" SetUp Nothing pages::set_up::submit;
    get "/sign-up" Anyone Nothing pages::sign_up::page;
    post "/sign-up" Anyone Nothing pages::sign_up::submit;
    get "/sign-in" Anyone Nothing pages::sign_in::page;
    post "/sign-in" Anyone Nothing pages::sign_in::submit;
    get "/sign-in/code" Anyone Nothing pages::sign_in::code;
    post "/sign-in/code" Anyone Nothing pages::sign_in::submit_code;
    get "/sign-in/openid" Anyone Nothing pages::openid::begin;
    get "/sign-in/openid/back" Anyone Nothing pages::openid::back;
    post "/sign-in/passkey" Anyone Nothing pages::passkeys::sign_in;
    get "/account/passkeys" SignedIn Secrets pages::passkeys::page;
    post "/account/passkeys" SignedIn Secrets pages::passkeys::begin;
    post "/account/passkeys/add" SignedIn Secrets pages::passkeys::add;
    post "/account/passkeys/{id}/end" SignedIn Secrets pages::passkeys::end;
    get "/account/openid" SignedIn Secrets pages::openid::page;
    post "/account/openid" SignedIn Secrets pages::openid::link;
    post "/account/openid/end" SignedIn Secrets pages::openid::unlink;
    get "/reset/{token}" SetUp Nothing pages::secrets::reset;
    post "/reset/{token}" SetUp Nothing pages::secrets::submit_reset;
    post "/sign-out" SignedIn Nothing pages::sign_in::out;
    get "/account" SignedIn Sessions pages::account::page;
    get "/activate" SignedIn Account pages::activate::page;
    post "/activate" SignedIn Account pages::activate::submit;
    get "/account/edition" SignedIn View pages::edition::page;
    get "/account/edition.csv" SignedIn View pages::edition::csv;
    post "/market/orders" Anyone Nothing pages::market::order;
    get "/account/password" SignedIn Secrets pages::secrets::password;
    post "/account/password" SignedIn Secrets pages::secrets::submit_password;
    get "/account/codes" SignedIn Secrets pages::secrets::codes;
    post "/account/codes" SignedIn Secrets pages::secrets::begin_codes;
    post "/account/codes/end" SignedIn Secrets pages::secrets::end_codes;
    get "/account/identity" SignedIn Account pages::identity::page;
    post "/account/identity/documents" SignedIn Account pages::identity::add;
    post "/account/identity/documents/{id}/end" SignedIn Account pages::identity::end;
    post "/account/identity/ask" SignedIn Account pages::identity::ask;
    post "/account/identity/provider" SignedIn Account pages::identity::ask_provider;
    get "/account/export" SignedIn Account pages::export::page;
    post "/account/export" SignedIn Account pages::export::own;
    get "/account/close" SignedIn Account pages::closing::page;
    post "/account/close" SignedIn Account pages::closing::submit;
    post "/account/tokens" SignedIn Tokens pages::account::add_token;
    post "/account/tokens/{id}/end" SignedIn Tokens pages::account::end_token;
    get "/account/people" SignedIn People pages::people::page;
    post "/account/people" SignedIn People pages::people::invite;
    get "/account/people/{id}" SignedIn People pages::people::one;
    post "/account/people/{id}" SignedIn People pages::people::permit;
    post "/account/people/{id}/reset" SignedIn People pages::people::reset;
    post "/account/people/{id}/end" SignedIn People pages::people::end;
    post "/account/people/invites/{id}/end" SignedIn People pages::people::end_invite;
    post "/account/wishes" SignedIn Sessions pages::people::wish;
    post "/account/wishes/{id}/grant" SignedIn People pages::people::grant;
    post "/account/wishes/{id}/decline" SignedIn People pages::people::decline;
    get "/account/shops" SignedIn Sessions pages::shops::page;
    post "/account/shops" SignedIn Account pages::shops::add;
    post "/account/shops/{id}/end" SignedIn Account pages::shops::end;
    get "/account/audit" SignedIn People pages::audit::page;
    get "/account/audit.csv" SignedIn People pages::audit::csv;
    get "/join/{token}" SetUp Nothing pages::people::join;
    post "/join/{token}" SetUp Nothing pages::people::submit_join;
    get "/account/hooks" SignedIn Hooks pages::hooks::page;
    post "/account/hooks" SignedIn Hooks pages::hooks::add;
    post "/account/hooks/{id}/pause" SignedIn Hooks pages::hooks::pause;
    post "/account/hooks/{id}/resume" SignedIn Hooks pages::hooks::resume;
    post "/account/hooks/{id}/end" SignedIn Hooks pages::hooks::end;
    post "/account/hooks/messages/{id}/again" SignedIn Hooks pages::hooks::again;
    get "/api" Anyone Nothing api::guide::page;
    get "/api/v1/openapi.json" Anyone Nothing api::describe::serve;
    get "/api/v1/deposits" Token View api::deposits::list;
    post "/api/v1/deposits" Token Deposit api::deposits::create;
    post "/api/v1/deposits:batch" Token Deposit api::batch::create;
    get "/api/v1/deposits/{id}" Token View api::deposits::show;
    get "/api/v1/deposits/{id}/{name}" Token Download api::deposits::part;
    get "/api/v1/captures" Token Queue api::captures::list;
    post "/api/v1/captures" Token Capture api::captures::create;
    get "/api/v1/captures/{number}" Token Queue api::captures::show;
    get "/api/v1/captures/{number}/events" Token Queue api::captures::events;
    get "/api/v1/captures/{number}/{name}" Token Queue api::captures::part;
    post "/api/v1/verifications" Anyone Nothing api::verifications::create;
    get "/api/v1/records" Token View api::records::list;
    get "/api/v1/records/{id}" Token View api::records::show;
    get "/api/v1/licences" Token Licences api::licences::list;
    post "/api/v1/licences" Token Licences api::licences::create;
    get "/api/v1/licences/{id}" Token Licences api::licences::show;
    get "/api/v1/licences/{id}/{name}" Token Download api::licences::part;
    post "/api/v1/licences/{id}/revocation" Token Licences api::licences::end;
    post "/api/v1/licences/{id}/links" Token Licences api::licences::link;
    get "/captures" SignedIn Queue pages::capture::page;
    post "/captures" SignedIn Capture pages::capture::submit;
    get "/captures/{id}" SignedIn Queue pages::capture::one;
    get "/captures/{id}/events" SignedIn Queue pages::capture::events;
    get "/register" SignedIn Deposit pages::register::page;
    post "/register" SignedIn Deposit pages::register::submit;
    post "/register/digests" SignedIn Deposit pages::batch::digests;
    post "/register/table" SignedIn Deposit pages::batch::table;
    options "/uploads" Anyone Nothing pages::upload::options;
    post "/uploads" SignedIn Deposit pages::upload::create;
    head "/uploads/{id}" SignedIn Deposit pages::upload::head;
    patch "/uploads/{id}" SignedIn Deposit pages::upload::patch;
    post "/uploads/{id}" SignedIn Deposit pages::upload::other;
    delete "/uploads/{id}" SignedIn Deposit pages::upload::end;
    post "/uploads/{id}/deposit" SignedIn Deposit pages::upload::deposit;
    post "/uploads/{id}/unpack" SignedIn Deposit pages::upload::unpack;
    options "/api/v1/uploads" Anyone Nothing pages::upload::options;
    post "/api/v1/uploads" Token Deposit pages::upload::create;
    head "/api/v1/uploads/{id}" Token Deposit pages::upload::head;
    patch "/api/v1/uploads/{id}" Token Deposit pages::upload::patch;
    post "/api/v1/uploads/{id}" Token Deposit pages::upload::other;
    delete "/api/v1/uploads/{id}" Token Deposit pages::upload::end;
    post "/api/v1/uploads/{id}/deposit" Token Deposit pages::upload::deposit;
    post "/api/v1/uploads/{id}/unpack" Token Deposit pages::upload::unpack;
    get "/licences" SignedIn Licences pages::licences::page;
    get "/licences/new" SignedIn Licences pages::licence_form::page;
    post "/licences/new" SignedIn Licences pages::licence_form::submit;
    get "/licences/{id}" SignedIn Licences pages::licences::one;
    post "/licences/{id}/links" SignedIn Licences pages::confirm::add;
    post "/licences/{id}/links/{number}/end" SignedIn Licences pages::confirm::end;
    post "/licences/{id}/end" SignedIn Licences pages::licences::end;
    get "/library" SignedIn View pages::library::page;
    get "/library.csv" SignedIn View pages::chosen::csv;
    post "/library/find" SignedIn View pages::find::submit;
    post "/library/chosen" SignedIn Download pages::chosen::submit;
    get "/deposits/{id}/capture" SignedIn View pages::captured::page;
    get "/deposits/{id}/capture/screenshot/{place}" SignedIn View pages::captured::picture;
    get "/deposits/{id}/capture/file/{place}" SignedIn Download pages::captured::one_file;
    get "/deposits/{id}/capture/snapshot" SignedIn View pages::captured::snapshot;
    post "/deposits/{id}/compare" SignedIn Deposit pages::captured::compare;
    post "/deposits/{id}/discard" SignedIn Discard pages::captured::discard;
    post "/deposits/{id}/links" SignedIn Share pages::share::add;
    post "/deposits/{id}/links/{number}/end" SignedIn Share pages::share::end;
    post "/deposits/{id}/shops" SignedIn Account pages::shops::assign;
    get "/deposits/{id}" SignedIn View pages::deposit::page;
    get "/deposits/{id}/erase" SignedIn Erase pages::erase::page;
    post "/deposits/{id}/erase" SignedIn Erase pages::erase::submit;
    get "/deposits/{id}/picture.jpg" SignedIn View pages::deposit::thumbnail;
    get "/deposits/{id}/certificate.pdf" SignedIn Download pages::deposit::certificate;
    get "/deposits/{id}/package.zip" SignedIn Download pages::deposit::package;
    get "/deposits/{id}/parts/{name}" SignedIn Download pages::deposit::part;
    get "/deposits/{id}/original" SignedIn Download pages::deposit::original;
    get "/operator" Operator Operate pages::operator::page;
    get "/operator/queue" Operator Operate pages::room::queue;
    get "/operator/letters" Operator Operate pages::room::letters;
    post "/operator/letters/again" Operator Operate pages::room::letters_again;
    post "/operator/letters/{id}/again" Operator Operate pages::room::letter_again;
    post "/operator/letters/{id}/drop" Operator Operate pages::room::letter_drop;
    post "/operator/mail/{id}/again" Operator Operate pages::room::mail_again;
    post "/operator/mail/{id}/drop" Operator Operate pages::room::mail_drop;
    get "/operator/orders" Operator Operate pages::room::orders;
    get "/operator/storage" Operator Operate pages::room::storage;
    get "/operator/health" Operator Operate pages::room::health;
    get "/operator/notices" Operator Operate pages::notices::page;
    post "/operator/notices" Operator Operate pages::notices::add;
    post "/operator/notices/{id}/end" Operator Operate pages::notices::end;
    get "/account/notices" SignedIn Sessions pages::notices::told;
    post "/account/notices/{id}/dismiss" SignedIn Sessions pages::notices::dismiss;
    post "/operator/reset" Operator Operate pages::operator::reset;
    get "/operator/invitations" Operator Operate pages::invitations::page;
    post "/operator/invitations" Operator Operate pages::invitations::add;
    post "/operator/invitations/{id}/end" Operator Operate pages::invitations::end;
    get "/operator/merchants" Operator Operate pages::merchants::page;
    get "/operator/merchants/{id}" Operator Operate pages::merchants::one;
    get "/operator/merchants/{id}/documents/{number}" Operator Operate pages::merchants::document;
    post "/operator/merchants/{id}/review" Operator Operate pages::merchants::review;
    post "/operator/merchants/{id}/export" Operator Operate pages::export::merchant;
    post "/operator/merchants/{id}/hold" Operator Operate pages::merchants::hold;
    get "/operator/codes" Operator Operate pages::codes_room::codes;
    post "/operator/codes" Operator Operate pages::codes_room::make;
    post "/operator/codes/{id}/end" Operator Operate pages::codes_room::end_code;
    get "/operator/grants" Operator Operate pages::codes_room::grants;
    post "/operator/grants" Operator Operate pages::codes_room::give;
    post "/operator/grants/{id}/end" Operator Operate pages::codes_room::end_grant;
    post "/account/sessions/{id}/end" SignedIn Sessions pages::account::end_session;
}
