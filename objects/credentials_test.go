//go:build !darwin

package objects_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/objects"
)

// TestCredentials opens folders with files of keys of all kinds, right and wrong. No
// error repeats what is in one.
func TestCredentials(t *testing.T) {
	s := newStore(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	ran := filepath.Join(t.TempDir(), "ran")
	for name, c := range map[string]struct{ text, profile, fault string }{
		"keys":         {"[default]\naws_access_key_id = a\naws_secret_access_key = canary\n", "", ""},
		"a profile":    {"[default]\nregion = x\n[other]\naws_access_key_id = a\naws_secret_access_key = canary\n", "other", ""},
		"no keys":      {"[default]\nregion = x\n", "", ""},
		"no profile":   {"[default]\naws_secret_access_key = canary\n", "other", "has no profile \"other\""},
		"no such file": {"", "other", "no such file"},
		"a program":    {"[default]\ncredential_process = touch " + ran + "\n", "", "gradseal starts none"},
		"garbage":      {"canary without a section or a value\n[", "", "is no file of credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "credentials")
			if c.text != "" {
				require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
			}
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", path)
			t.Setenv("AWS_PROFILE", c.profile)
			_, err := objects.Open("s3://registry/x", s.URL)
			require.NoFileExists(t, ran)
			if c.fault == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.fault)
			require.NotContains(t, err.Error(), "canary")
		})
	}
}

// TestEndpointWithASecret wants no password of an endpoint repeated.
func TestEndpointWithASecret(t *testing.T) {
	for _, endpoint := range []string{"http://ak:canary%ret@127.0.0.1:1", "http://ak:canary@127.0.0.1:1", "://canary", "ftp://127.0.0.1/?canary=1"} {
		_, err := objects.Open("s3://bucket/p", endpoint)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "canary", endpoint)
	}
}
