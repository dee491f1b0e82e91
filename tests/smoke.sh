#!/usr/bin/env bash
# Uses a release binary as a stranger would: starts it on nothing, buys something, kills it, and looks again.
# usage: tests/smoke.sh path/to/cartwright
set -euo pipefail

binary=$(realpath "${1:?usage: tests/smoke.sh path/to/cartwright}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
fixtures=$PWD/tests/fixtures/online-retail
scratch=$(mktemp -d)
data=$scratch/data
log=$scratch/serve.log
server=

stop() {
    [ -z "$server" ] || kill -9 "$server" 2>/dev/null || true
    rm -rf "$scratch"
}
trap stop EXIT

fail() {
    echo "smoke: $*" >&2
    [ ! -s "$log" ] || { echo "smoke: the server said:" >&2; tail -n 40 "$log" >&2; }
    exit 1
}

# Prints the value at a path of the JSON on standard input: `field order.total.amount`.
field() {
    python3 -c 'import json, sys
value = json.load(sys.stdin)
for step in sys.argv[1].split("."):
    value = value[int(step)] if isinstance(value, list) else value[step]
print(value)' "$1"
}

# Starts the server on the data directory and sets `url` and, on the first start, `token`.
start() {
    : >"$log"
    "$binary" serve --data "$data" --listen 127.0.0.1:0 >"$log" 2>&1 &
    server=$!
    for _ in $(seq 200); do
        url=$(grep -oE -m1 'http://127\.0\.0\.1:[0-9]+' "$log" || true)
        if [ -n "$url" ] && curl -fs "$url/health/ready" >/dev/null; then
            return
        fi
        kill -0 "$server" 2>/dev/null || fail "the server ended while starting"
        sleep 0.05
    done
    fail "the server was not ready after ten seconds"
}

kill_server() {
    kill -9 "$server"
    wait "$server" 2>/dev/null || true
    server=
}

# Calls the API and fails unless it answers with the expected status; the body goes to standard output.
call() {
    local expected=$1 method=$2 path=$3
    shift 3
    local status
    status=$(curl -s -o "$scratch/body" -w '%{http_code}' -b "$scratch/jar" -c "$scratch/jar" -X "$method" \
        -H 'content-type: application/json' "$@" "$url/api/v1$path")
    [ "$status" = "$expected" ] || fail "$method $path answered $status, not $expected: $(cat "$scratch/body")"
    cat "$scratch/body"
}

staff() {
    local expected=$1 method=$2 path=$3
    shift 3
    call "$expected" "$method" "$path" -H "authorization: Bearer $token" "$@"
}

echo "smoke: start on an empty directory"
start
token=$(grep -oE -m1 'eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+' "$log") || fail "the first start printed no token"

[ "$(stat -c %a "$data")" = 700 ] || fail "other users may look into the data directory"

echo "smoke: stock a shop"
staff 201 POST /admin/tax/zones \
    -d '{"name":"United Kingdom","countries":["GB"],"rates":[{"category":"standard","name":"VAT","rate":"0.2"}]}' >/dev/null
method=$(staff 201 POST /admin/shipping/methods \
    -d '{"name":"Royal Mail","countries":["GB"],"price":{"amount":395,"currency":"GBP"},"free_from":null,"tax_category":"standard","enabled":true}' | field id)
product=$(staff 201 POST /admin/products \
    -d '{"title":"Tea cup","status":"active","variants":[{"sku":"CUP-1","price":{"amount":255,"currency":"GBP"}}]}')
variant=$(field variants.0.id <<<"$product")
staff 200 PUT "/admin/variants/$variant/stock" -d '{"tracked":true,"on_hand":5}' >/dev/null

echo "smoke: buy"
call 201 POST /session >/dev/null
call 200 POST /carts/current/lines -d "{\"variant_id\":\"$variant\",\"quantity\":2}" >/dev/null
cart=$(call 200 PATCH /carts/current -d "{\"email\":\"ada@example.com\",\"shipping_method_id\":\"$method\",
    \"shipping_address\":{\"name\":\"Ada\",\"line1\":\"1 Mill Lane\",\"city\":\"Leeds\",\"postal_code\":\"LS1 1AA\",\"country\":\"GB\"}}")
total=$(field totals.total.amount <<<"$cart")
id=$(field id <<<"$cart")
complete() {
    call 200 POST "/carts/$id/complete" -H 'idempotency-key: smoke-1' -d '{"payment":{"token":"tok_approve"}}'
}
order=$(complete | field order.number)
order_total=$(call 200 GET "/orders/$order" | field totals.total.amount)
[ "$order_total" = "$total" ] || fail "the order costs $order_total, the cart cost $total"
available=$(call 200 GET "/variants/$variant" | field available)
[ "$available" = 3 ] || fail "2 of 5 cups are sold and $available are available"

echo "smoke: kill in the middle, start again"
call 201 POST /carts >/dev/null
open=$(call 200 POST /carts/current/lines -d "{\"variant_id\":\"$variant\",\"quantity\":1}" | field id)
kill_server
start
again=$(call 200 GET "/orders/$order" | field totals.total.amount)
[ "$again" = "$total" ] || fail "after the restart the order costs $again, not $total"
[ "$(complete | field order.number)" = "$order" ] || fail "the same key made another order"
[ "$(call 200 GET "/carts/$open" | field lines.0.quantity)" = 1 ] || fail "the open cart lost its line"
[ "$(call 200 GET "/variants/$variant" | field available)" = 3 ] || fail "the stock moved"

echo "smoke: import a catalog twice, replay a shop's invoices"
import() {
    "$binary" import "$fixtures/catalog.csv" --preset online-retail --url "$url" --token "$token"
}
import >"$scratch/first" 2>&1 || fail "the import failed: $(cat "$scratch/first")"
import >"$scratch/second" 2>&1 || fail "the second import failed: $(cat "$scratch/second")"
grep -q '^created 0, updated 0, unchanged [1-9][0-9]*, refused 0$' "$scratch/second" \
    || fail "the second import changed something: $(cat "$scratch/second")"
"$binary" replay "$fixtures/transactions.csv" --url "$url" --token "$token" --concurrency 4 >"$scratch/replay" 2>&1 \
    || fail "the replay failed: $(cat "$scratch/replay")"
grep -qE '^matched +[1-9]' "$scratch/replay" || fail "the replay matched nothing: $(cat "$scratch/replay")"

kill_server
echo "smoke: passed"
