// Proves a run before it is read, with Go's standard library alone: no code of Scenario Runner.
//
//	go run prove.go STORE READY_SIGNAL
//
// STORE is the folder of the object store, READY_SIGNAL the payload of READY on the control bus, or its artifact. Prints
// the proven files, OUTPUT<tab>PATH a line; ends with 1 and one line on stderr for whatever is not as it was proven.
// docs/proving.md says each step in words.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

type object = map[string]any

// notProven ends the program: bytes, or what vouches for them, are not what was proven.
type notProven struct{ why string }

func check(holds bool, why string, parts ...any) {
	if !holds {
		panic(notProven{fmt.Sprintf(why, parts...)})
	}
}

func must[T any](value T, err error) T {
	check(err == nil, "%v", err)
	return value
}

func sum(data []byte) string {
	whole := sha256.Sum256(data)
	return hex.EncodeToString(whole[:])
}

func parse(data []byte) any {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	check(decoder.Decode(&value) == nil, "a document is no JSON")
	return value
}

// at follows names into objects; what is not there is "".
func at(value any, names ...string) string {
	for _, name := range names {
		node, _ := value.(object)
		value = node[name]
	}
	text, _ := value.(string)
	return text
}

func list(value any, name string) []any {
	found, _ := value.(object)[name].([]any)
	return found
}

// plain makes text of integers that not every reader of JSON can hold (RFC 7493).
func plain(value any) any {
	switch one := value.(type) {
	case object:
		made := object{}
		for name, inner := range one {
			made[name] = plain(inner)
		}
		return made
	case []any:
		made := make([]any, len(one))
		for number, inner := range one {
			made[number] = plain(inner)
		}
		return made
	case json.Number:
		if whole, err := strconv.ParseInt(string(one), 10, 64); err != nil || whole >= 1<<53 || whole <= -(1<<53) {
			return string(one)
		}
	}
	return value
}

// canonical is canonical JSON (RFC 8785) of what these documents hold: text, whole numbers, lists, ASCII names.
func canonical(value any) []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	check(encoder.Encode(plain(value)) == nil, "a document cannot be written")
	text := strings.TrimSuffix(buffer.String(), "\n")
	return []byte(strings.NewReplacer(`\\`, `\\`, `\u2028`, "\u2028", `\u2029`, "\u2029").Replace(text))
}

// relative is a resolved path without the engine root; the root itself is "".
func relative(path, root string) string {
	below := strings.TrimRight(root, "/") + "/"
	check(strings.TrimRight(path, "/") == strings.TrimRight(root, "/") || strings.HasPrefix(path, below),
		"%s is not below %s", path, root)
	if !strings.HasPrefix(path, below) {
		return ""
	}
	return path[len(below):]
}

// changed is a copy of an object with one value replaced.
func changed(node object, name string, value any) object {
	made := object{}
	for key, inner := range node {
		made[key] = inner
	}
	made[name] = value
	return made
}

func sorted(nodes []any, key func(any) string) []any {
	sort.SliceStable(nodes, func(a, b int) bool { return key(nodes[a]) < key(nodes[b]) })
	return nodes
}

// bundleHash is step 2: over locators, receipts and policy, every path taken relative to the engine root.
func bundleHash(view object) string {
	root := at(view, "oracle_pack_ref", "engine_run_root")
	locators, gates, instances := []any{}, []any{}, []any{}
	for _, one := range list(view, "locators") {
		locators = append(locators, changed(one.(object), "path", relative(at(one, "path"), root)))
	}
	for _, one := range list(view, "gate_receipts") {
		artifacts := object{}
		for name, path := range one.(object)["artifacts"].(object) {
			artifacts[name] = relative(path.(string), root)
		}
		gates = append(gates, changed(one.(object), "artifacts", artifacts))
	}
	for _, one := range list(view, "instance_receipts") {
		target := one.(object)["target_ref"].(object)
		target = changed(target, "path", relative(at(target, "path"), root))
		instances = append(instances, changed(one.(object), "target_ref", target))
	}
	return sum(canonical(object{
		"locators": sorted(locators, func(one any) string { return at(one, "output_id") + "\x00" + at(one, "path") }),
		"gate_receipts": sorted(gates, func(one any) string {
			return at(one, "gate_id") + "\x00" + at(one, "artifacts", "passed_flag_path")
		}),
		"instance_receipts": sorted(instances, func(one any) string {
			return at(one, "output_id") + "\x00" + at(one, "target_ref", "path")
		}),
		"policy_rev": view["policy_rev"],
	}))
}

// record is step 3: the details of the record's events by kind, each line chained to the one before and named by itself.
func record(store string, view object) map[string]any {
	before, found := strings.Repeat("0", 64), map[string]any{}
	data := must(os.ReadFile(filepath.Join(store, at(view, "record_ref"))))
	for _, line := range bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n")) {
		event := parse(line)
		check(at(event, "prev_hash") == before, "the record of run %s is broken", at(view, "run_id"))
		id := `"event_id":"` + at(event, "event_id") + `"`
		own := bytes.Replace(line, []byte(id), []byte(`"event_id":""`), 1)
		check(at(event, "event_id") == sum(own), "a line of the record of run %s was altered", at(view, "run_id"))
		before = sum(line)
		found[at(event, "event_kind")] = event.(object)["details"]
	}
	return found
}

// decided is step 4: the record decided this very view, and no other run has corrected it.
func decided(kinds map[string]any, data []byte) {
	check(at(kinds["EVIDENCE_COMPLETE"], "facts_view_digest") == sum(data), "the record did not decide this view")
	_, ready := kinds["READY_COMMITTED"]
	_, lost := kinds["TRUTH_LOST"]
	check(ready, "the run is not READY")
	check(!lost, "the record lost what others knew of the run")
	successor, corrected := kinds["SUPERSEDED_BY"]
	check(!corrected, "the run was superseded by %s", at(successor, "successor"))
}

// proven is step 6: a file has the bytes that were proven. A negative size is not known.
func proven(path, digest string, size int64) string {
	file := must(os.Open(path))
	defer file.Close()
	whole := sha256.New()
	read := must(io.Copy(whole, file))
	same := hex.EncodeToString(whole.Sum(nil)) == digest && (size < 0 || size == read)
	check(same, "%s has other bytes than were proven", path)
	return path
}

// files is step 5: the files that a locator names: itself, or those on its part list.
func files(store string, view object, locator any) []string {
	path, digest := at(locator, "path"), at(locator, "content_digest", "hex")
	root := at(view, "oracle_pack_ref", "engine_run_root")
	segments := strings.Split(relative(path, root), "/")
	fixed, wild := len(segments)-1, false
	for number, segment := range segments {
		if strings.ContainsAny(segment, "*?[") {
			fixed, wild = number, true
			break
		}
	}
	if !wild && segments[len(segments)-1] != "" {
		return []string{proven(path, digest, -1)}
	}
	home := filepath.Join(store, "fraud-platform", at(view, "platform_run_id"), "sr", "part_lists", digest+".json")
	base, found := filepath.Join(append([]string{root}, segments[:fixed]...)...), []string{}
	for _, part := range parse(must(os.ReadFile(proven(home, digest, -1)))).([]any) {
		for _, segment := range strings.Split(at(part, "path"), "/") {
			check(segment != ".." && segment != "." && segment != "", "%s leads astray", home)
		}
		size := must(part.(object)["size"].(json.Number).Int64())
		found = append(found, proven(filepath.Join(base, at(part, "path")), at(part, "sha256"), size))
	}
	return found
}

func prove(store, signal string) string {
	ready := parse(must(os.ReadFile(signal)))
	data := must(os.ReadFile(filepath.Join(store, at(ready, "facts_view_ref"))))
	view := parse(data).(object)
	told := strings.Join([]string{"ready", at(view, "platform_run_id"), at(view, "scenario_run_id"), at(view, "bundle_hash")}, "|")
	check(at(ready, "message_id") == sum([]byte(told)), "READY is not of this view") // step 1
	same := at(ready, "run_id") == at(view, "run_id") && at(view, "run_id") == at(view, "pins", "run_id")
	check(same, "READY and view are of two runs")
	check(bundleHash(view) == at(view, "bundle_hash"), "the view's bundle_hash is not that of its content")
	decided(record(store, view), data)
	var out strings.Builder
	for _, locator := range list(view, "locators") {
		for _, path := range files(store, view, locator) {
			fmt.Fprintf(&out, "%s\t%s\n", at(locator, "output_id"), path)
		}
	}
	return out.String()
}

func main() {
	defer func() {
		if wrong := recover(); wrong != nil {
			why := fmt.Sprint(wrong)
			if known, ok := wrong.(notProven); ok {
				why = known.why
			}
			fmt.Fprintf(os.Stderr, "not proven: %s\n", why)
			os.Exit(1)
		}
	}()
	fmt.Print(prove(os.Args[1], os.Args[2]))
}
