//! The part of the performance page about growth.

use super::growth::report::{Growth, LongCarts};
use super::page::{micros, millis, percent, row};
use super::report::middle;
use super::turns::TURNS;
use crate::output::thousands;
use std::fmt::Write;

/// Writes what became of the works as the shop grew.
pub(super) fn growth(growth: &Growth) -> String {
    let mut text = format!(
        "## Growth\n\nUp to {} carts in one store, opened and filled with one line each as fast as they are answered.\n\
         Each size is measured when the index holds what was written, in turn with a store of the first size, on the same \
         machine: its own speed is not the same from one moment to the next.\n\
         W2 adds to its own carts as above, one of ten lines for each connection, and leaves the others alone: what is shown is \
         that they do not disturb it, and not what adds cost that are spread over them.\n\
         As with the works above, each of the two is measured {TURNS} times for a fifth of the time in every round, and the \
         round in the middle is shown.\n",
        thousands(growth.carts)
    );
    text.push('\n');
    text.push_str(
        "| Carts in store | W2 operations/s | p50 ms | p99 ms | Server CPU µs | Small store's operations/s | CPU µs | Over \
         the small store |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for size in &growth.sizes {
        let side = &size.server;
        row(
            &mut text,
            &[
                &thousands(size.carts),
                &thousands(side.operations_per_second),
                &millis(side.p50_us),
                &millis(side.p99_us),
                &micros(side.cpu_ns_per_operation),
                &thousands(size.small.operations_per_second),
                &micros(size.small.cpu_ns_per_operation),
                &size.over_small_permille().map(percent).unwrap_or_default(),
            ],
        );
    }
    text.push('\n');
    text.push_str(
        "| Lines in the cart | Adds/s | p50 ms | p99 ms | Server CPU µs |\n| --- | --- | --- | --- | --- |\n",
    );
    let long_carts = middle(growth.long_carts.iter(), LongCarts::long_over_short_permille);
    for lines in long_carts.iter().flat_map(|carts| [&carts.short, &carts.long]) {
        let side = &lines.server;
        row(
            &mut text,
            &[
                &thousands(lines.lines),
                &thousands(side.operations_per_second),
                &millis(side.p50_us),
                &millis(side.p99_us),
                &micros(side.cpu_ns_per_operation),
            ],
        );
    }
    if let Some(carts) = &long_carts {
        text.push_str(&over_short(carts));
    }
    text.push('\n');
    writeln!(
        text,
        "| At a cart of {} lines | ms |\n| --- | --- |",
        thousands(growth.largest.lines)
    )
    .expect("writing to a string succeeds");
    for operation in &growth.largest.operations {
        let shown = match &operation.error {
            None => millis(operation.took_us),
            Some(error) => format!("**failed**: {error}"),
        };
        row(&mut text, &[&operation.name, &shown]);
    }
    text.push('\n');
    text.push_str(&sentences(growth));
    text
}

fn over_short(carts: &LongCarts) -> String {
    let times = |permille: Option<u64>| permille.map_or_else(|| "-".to_owned(), millis);
    format!(
        "\nThe long cart's CPU is {} times the short one's, its p50 {} times and its p99 {} times. The goal is about the CPU.\n",
        times(carts.long_over_short_permille()),
        times(carts.p50_over_permille()),
        times(carts.p99_over_permille())
    )
}

fn sentences(growth: &Growth) -> String {
    let Growth {
        residents,
        idle,
        recovery,
        cold,
        import,
        ..
    } = growth;
    let lines = [
        format!(
            "Residents: at most {0} carts were in memory at once while {1} were opened, and at most {2} had an actor; the \
             ceiling is {3} and is looked after once a second, and {4} were opened in the busiest two since it was reached. The \
             carts were counted four times a second.",
            thousands(residents.most),
            thousands(growth.carts),
            thousands(residents.most_live),
            thousands(residents.ceiling),
            thousands(residents.opened_in_two_seconds)
        ),
        format!(
            "Memory: {} idle resident carts hold {} MiB more than the server did before them, when it held as many already; {} \
             bytes each, of which {} are their state. They belong to one session a connection, and the index has a cache of \
             16 MiB.",
            thousands(idle.carts),
            idle.grown_bytes >> 20,
            thousands(idle.bytes_per_cart),
            thousands(idle.state_bytes_per_cart)
        ),
        format!(
            "Killed under W2 with {} carts in store, it was ready {} ms after its next start, with what the kernel kept in \
             memory of its files.",
            thousands(recovery.carts),
            millis(recovery.ready_us)
        ),
        format!(
            "Cold carts, after that start, one at a time: p50 {} ms and p99 {} ms to read one, p50 {} ms and p99 {} ms \
             to add to one. Cold is what no memory of the process holds; the kernel's may hold it, and the sessions they belong \
             to, one a connection, are awake.",
            millis(cold.read.p50_us),
            millis(cold.read.p99_us),
            millis(cold.add.p50_us),
            millis(cold.add.p99_us)
        ),
        format!(
            "Import: {} variants in {} s.",
            thousands(import.variants),
            millis(import.took_ms)
        ),
    ];
    lines.map(|line| format!("- {line}\n")).concat()
}
