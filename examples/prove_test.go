package main

import (
	"os"
	"testing"
)

// The vectors that Scenario Runner ships hold here, too: go test prove.go prove_test.go
func cases(t *testing.T, name string) []any {
	data, err := os.ReadFile("../contracts/vectors/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	found := list(parse(data), "cases")
	if len(found) == 0 {
		t.Fatal("there are no cases")
	}
	return found
}

func TestBundleHash(t *testing.T) {
	for _, one := range cases(t, "bundle_hash") {
		if made := bundleHash(one.(object)); made != at(one, "expected") {
			t.Errorf("%s, not %s", made, at(one, "expected"))
		}
	}
}

func TestCanonical(t *testing.T) {
	text := object{"text": "ä€😀 \u2028 \\u2028 <&> \b\f", "big": parse([]byte("18446744073709551615"))}
	expected := "{\"big\":\"18446744073709551615\",\"text\":\"ä€😀 \u2028 \\\\u2028 <&> \\b\\f\"}"
	if made := string(canonical(text)); made != expected {
		t.Errorf("%s, not %s", made, expected)
	}
}
