//! One capture from the command line, for the tests:
//! `capture-probe [--allow-loopback HOST:PORT]… [--isolation MODE] URL`.
//!
//! Prints a JSON line when the browser runs, and one with the outcome.

fn main() -> std::process::ExitCode {
    if let Some(role) = capture::role() {
        std::process::exit(capture::run_role(role));
    }
    let mut order = capture::Request::new("");
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--allow-loopback" {
            match arguments.next().unwrap_or_default().parse() {
                Ok(exception) => order.loopback.push(exception),
                Err(e) => {
                    eprintln!("--allow-loopback: {e}");
                    return std::process::ExitCode::from(2);
                }
            }
        } else if argument == "--isolation" {
            match arguments.next().unwrap_or_default().parse() {
                Ok(isolation) => order.machine.isolation = isolation,
                Err(e) => {
                    eprintln!("--isolation: {e}");
                    return std::process::ExitCode::from(2);
                }
            }
        } else {
            order.url = argument;
        }
    }
    let recorded = capture::run(&order, &capture::Limits::default(), &mut |step| {
        println!("{}", serde_json::json!({ "step": step }));
    });
    match recorded {
        Ok(recording) => {
            println!(
                "{}",
                serde_json::json!({
                    "outcome": recording.outcome, "reasons": recording.reasons, "remarks": recording.remarks,
                    "status": recording.status, "title": recording.title, "final_url": recording.final_url,
                    "exchanges": recording.exchanges, "resources": recording.resources, "guard": recording.guard,
                    "operations": recording.resource("operations")
                        .and_then(|o| std::fs::read_to_string(&o.content.file).ok()).unwrap_or_default().lines().collect::<Vec<_>>(),
                    "red_flags": recording.red_flags, "inside": recording.before["inside"],
                    "spawn_ms": recording.spawn.as_millis() as u64, "took_ms": (recording.ended - recording.started) / 1000,
                })
            );
            std::process::ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("{e}");
            std::process::ExitCode::FAILURE
        }
    }
}
