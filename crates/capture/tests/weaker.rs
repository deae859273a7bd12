//! Where namespaces are not permitted: refused by default, run in the weaker mode where it was chosen by name, and told.
#![allow(clippy::unwrap_used)]

mod site;

use std::process::{Command, Output};

use capture::{Isolation, Outcome};
use serde_json::Value;
use site::Site;

/// The probe, as an ordinary user in a user namespace of whose children none may make another.
fn forbidden(site: &Site, more: &[&str]) -> Output {
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
    let unshare = ["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c", script, "sh"];
    let mut command = Command::new("setpriv");
    if rustix::process::geteuid().is_root() {
        command.args(["--reuid=64807", "--regid=64807", "--clear-groups"]);
    }
    command.args(unshare).arg(env!("CARGO_BIN_EXE_capture-probe")).args(more);
    command.args(["--allow-loopback", &format!("127.0.0.1:{}", site.port)]).arg(site.url("/plain"));
    command.output().unwrap()
}

/// Whether such a namespace can be made here, and the probe be reached by its user.
fn possible() -> bool {
    let site = Site::start();
    let refused = forbidden(&site, &["--isolation", "none"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    if !said.contains("weaker-shared-network is expected") {
        println!("not run: {said}");
        return false;
    }
    true
}

#[test]
fn without_namespaces_it_refuses_unless_the_weaker_mode_was_chosen_by_name() {
    if site::absent() || !possible() {
        return;
    }
    let site = Site::start();
    let refused = forbidden(&site, &[]);
    assert!(!refused.status.success() && site.log().is_empty());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("isolation: unshare") && said.contains("Capture needs user namespaces"), "{said}");

    let run = forbidden(&site, &["--isolation", "weaker-shared-network"]);
    let out = String::from_utf8_lossy(&run.stdout).into_owned();
    let last: Value = serde_json::from_str(out.lines().last().unwrap_or_default()).unwrap_or_default();
    assert_eq!(last["outcome"], "complete", "{out}{}", String::from_utf8_lossy(&run.stderr));
    let flag = last["red_flags"].as_array().unwrap().iter().find(|flag| flag["code"] == "weaker-isolation").unwrap();
    assert!(flag["en"].as_str().unwrap().ends_with("sandbox was off"), "{flag}");
}

#[test]
fn the_weaker_mode_is_told_everywhere_and_leaves_nothing() {
    if site::absent() {
        return;
    }
    let site = Site::start();
    let mut order = site.order("/plain");
    order.machine.isolation = Isolation::WeakerSharedNetwork;
    let r = capture::run(&order, &capture::Limits::default(), &mut |_| {}).unwrap();
    assert_eq!(r.outcome, Outcome::Complete, "{:?}", r.reasons);
    assert!(r.red_flags.iter().any(|flag| flag.code == "weaker-isolation"), "{:?}", r.red_flags);
    assert_eq!(r.before["recorder"]["isolation"], "weaker-shared-network");
    assert_eq!(r.before["inside"]["isolation"], "weaker-shared-network");
    let page = std::fs::read_to_string(&r.resource("environment-after/page").unwrap().content.file).unwrap();
    assert!(page.contains("weaker-shared-network") && page.contains("no namespace forces the browser"));
    // Whatever it was told by its own processes is gone.
    let processes = r.before["inside"]["processes"].as_array().unwrap();
    assert!(!processes.is_empty());
    for process in processes {
        let line = std::fs::read(format!("/proc/{}/cmdline", process["pid"])).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let known = process["command"].as_str().unwrap();
        assert!(line.is_empty() || !line.starts_with(known), "{known}");
    }
    let argument = processes.iter().find_map(|process| {
        let command = process["command"].as_str()?;
        command.split("--user-data-dir=").nth(1)?.split(' ').next().map(str::to_owned)
    });
    if let Some(profile) = argument {
        assert!(!std::path::Path::new(&profile).exists(), "{profile}");
    }
}
