//! Every address, and who may use it. A route exists only as a line of this table; a test walks them all.

use crate::{api, app::App, assets, enter, pages};
use axum::{Router, extract::DefaultBodyLimit, middleware, routing};

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
}

macro_rules! table {
    ($($method:ident $path:literal $who:ident $handler:path;)*) => {
        /// Every route of the portal.
        pub const ROUTES: &[Route] =
            &[$(Route { method: stringify!($method), path: $path, who: Who::$who }),*];

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
    get "/" Anyone pages::home::page;
    get "/assets/{version}/{name}" Anyone assets::serve;
    get "/healthz" Anyone pages::healthz;
    get "/readyz" Anyone pages::readyz;
    get "/ledger/checkpoint" Anyone pages::open::checkpoint;
    get "/ledger/tile/{*path}" Anyone pages::open::tile;
    post "/tsa" Anyone pages::open::stamp;
    get "/verify" Anyone pages::verify::page;
    post "/verify" Anyone pages::verify::submit;
    get "/verify/browser" Anyone pages::browser::page;
    get "/verify/browser.html" Anyone pages::browser::published;
    get "/trust.zip" Anyone pages::browser::trust;
    get "/verify/record" Anyone pages::lookup::page;
    post "/verify/record" Anyone pages::lookup::submit;
    get "/s/{link}" Anyone pages::share::page;
    get "/s/{link}/picture.jpg" Anyone pages::share::picture;
    get "/s/{link}/certificate.pdf" Anyone pages::share::certificate;
    get "/s/{link}/package.zip" Anyone pages::share::package;
    get "/s/{link}/original" Anyone pages::share::original;
    get "/preferences" Anyone pages::preferences;
    get "/set-up/{token}" SetUp pages::set_up::page;
    post "/set-up/{token}" SetUp pages::set_up::submit;
    get "/sign-in" Anyone pages::sign_in::page;
    post "/sign-in" Anyone pages::sign_in::submit;
    get "/sign-in/code" Anyone pages::sign_in::code;
    post "/sign-in/code" Anyone pages::sign_in::submit_code;
    get "/reset/{token}" SetUp pages::secrets::reset;
    post "/reset/{token}" SetUp pages::secrets::submit_reset;
    post "/sign-out" SignedIn pages::sign_in::out;
    get "/account" SignedIn pages::account::page;
    get "/account/password" SignedIn pages::secrets::password;
    post "/account/password" SignedIn pages::secrets::submit_password;
    get "/account/codes" SignedIn pages::secrets::codes;
    post "/account/codes" SignedIn pages::secrets::begin_codes;
    post "/account/codes/end" SignedIn pages::secrets::end_codes;
    post "/account/tokens" SignedIn pages::account::add_token;
    post "/account/tokens/{id}/end" SignedIn pages::account::end_token;
    get "/account/hooks" SignedIn pages::hooks::page;
    post "/account/hooks" SignedIn pages::hooks::add;
    post "/account/hooks/{id}/pause" SignedIn pages::hooks::pause;
    post "/account/hooks/{id}/resume" SignedIn pages::hooks::resume;
    post "/account/hooks/{id}/end" SignedIn pages::hooks::end;
    post "/account/hooks/messages/{id}/again" SignedIn pages::hooks::again;
    get "/api" Anyone api::guide::page;
    get "/api/v1/openapi.json" Anyone api::describe::serve;
    get "/api/v1/deposits" Token api::deposits::list;
    post "/api/v1/deposits" Token api::deposits::create;
    post "/api/v1/deposits:batch" Token api::batch::create;
    get "/api/v1/deposits/{id}" Token api::deposits::show;
    get "/api/v1/deposits/{id}/{name}" Token api::deposits::part;
    get "/api/v1/captures" Token api::captures::list;
    post "/api/v1/captures" Token api::captures::create;
    get "/api/v1/captures/{number}" Token api::captures::show;
    get "/api/v1/captures/{number}/events" Token api::captures::events;
    get "/api/v1/captures/{number}/{name}" Token api::captures::part;
    post "/api/v1/verifications" Anyone api::verifications::create;
    get "/api/v1/records" Token api::records::list;
    get "/api/v1/records/{id}" Token api::records::show;
    get "/captures" SignedIn pages::capture::page;
    post "/captures" SignedIn pages::capture::submit;
    get "/captures/{id}" SignedIn pages::capture::one;
    get "/captures/{id}/events" SignedIn pages::capture::events;
    get "/register" SignedIn pages::register::page;
    post "/register" SignedIn pages::register::submit;
    post "/register/digests" SignedIn pages::batch::digests;
    post "/register/table" SignedIn pages::batch::table;
    options "/uploads" Anyone pages::upload::options;
    post "/uploads" SignedIn pages::upload::create;
    head "/uploads/{id}" SignedIn pages::upload::head;
    patch "/uploads/{id}" SignedIn pages::upload::patch;
    post "/uploads/{id}" SignedIn pages::upload::other;
    delete "/uploads/{id}" SignedIn pages::upload::end;
    post "/uploads/{id}/deposit" SignedIn pages::upload::deposit;
    post "/uploads/{id}/unpack" SignedIn pages::upload::unpack;
    options "/api/v1/uploads" Anyone pages::upload::options;
    post "/api/v1/uploads" Token pages::upload::create;
    head "/api/v1/uploads/{id}" Token pages::upload::head;
    patch "/api/v1/uploads/{id}" Token pages::upload::patch;
    post "/api/v1/uploads/{id}" Token pages::upload::other;
    delete "/api/v1/uploads/{id}" Token pages::upload::end;
    post "/api/v1/uploads/{id}/deposit" Token pages::upload::deposit;
    post "/api/v1/uploads/{id}/unpack" Token pages::upload::unpack;
    get "/library" SignedIn pages::library::page;
    get "/library.csv" SignedIn pages::chosen::csv;
    post "/library/find" SignedIn pages::find::submit;
    post "/library/chosen" SignedIn pages::chosen::submit;
    get "/deposits/{id}/capture" SignedIn pages::captured::page;
    get "/deposits/{id}/capture/screenshot/{place}" SignedIn pages::captured::picture;
    get "/deposits/{id}/capture/file/{place}" SignedIn pages::captured::one_file;
    post "/deposits/{id}/compare" SignedIn pages::captured::compare;
    post "/deposits/{id}/discard" SignedIn pages::captured::discard;
    post "/deposits/{id}/links" SignedIn pages::share::add;
    post "/deposits/{id}/links/{number}/end" SignedIn pages::share::end;
    get "/deposits/{id}" SignedIn pages::deposit::page;
    get "/deposits/{id}/erase" SignedIn pages::erase::page;
    post "/deposits/{id}/erase" SignedIn pages::erase::submit;
    get "/deposits/{id}/picture.jpg" SignedIn pages::deposit::thumbnail;
    get "/deposits/{id}/certificate.pdf" SignedIn pages::deposit::certificate;
    get "/deposits/{id}/package.zip" SignedIn pages::deposit::package;
    get "/deposits/{id}/parts/{name}" SignedIn pages::deposit::part;
    get "/deposits/{id}/original" SignedIn pages::deposit::original;
    post "/account/sessions/{id}/end" SignedIn pages::account::end_session;
}
