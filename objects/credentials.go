//go:build !darwin

package objects

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"github.com/minio/minio-go/v7/pkg/credentials"
	"gopkg.in/ini.v1"
)

// keys are the credentials for a store: those in the environment, in the file of
// keys, of a token or the machine's role that client is to ask for. Where there are
// none, requests are anonymous.
func keys(client *http.Client) (*credentials.Credentials, error) {
	providers := []credentials.Provider{&credentials.EnvAWS{}}
	if os.Getenv("AWS_ACCESS_KEY_ID") == "" {
		inFile, err := readKeys()
		if err != nil {
			return nil, err
		}
		providers = append(providers, &credentials.Static{Value: inFile})
	}
	return credentials.NewChainCredentials(append(providers, &credentials.IAM{Client: client})), nil
}

// readKeys reads the keys of the profile AWS_PROFILE from ~/.aws/credentials, or the
// file that AWS_SHARED_CREDENTIALS_FILE names; they are empty where there is no file.
// It is not the library's reader: that one starts the program which the file names as
// credential_process, and gradseal starts no program. No error repeats what is in the
// file.
func readKeys() (v credentials.Value, err error) {
	path, profile := os.Getenv("AWS_SHARED_CREDENTIALS_FILE"), os.Getenv("AWS_PROFILE")
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return v, nil // such as in a container without one
		}
		path = filepath.Join(home, ".aws", "credentials")
	}
	if profile == "" {
		profile = ini.DefaultSection
	}
	file, err := ini.LoadSources(ini.LoadOptions{Insensitive: false, AllowNestedValues: true}, path)
	if errors.Is(err, fs.ErrNotExist) && profile == ini.DefaultSection {
		return v, nil
	}
	if errors.As(err, new(*fs.PathError)) {
		return v, err
	}
	if err != nil {
		return v, fmt.Errorf("%s: is no file of credentials", path)
	}
	section, err := file.GetSection(profile)
	if profile == ini.DefaultSection {
		if named, namedErr := file.GetSection("default"); namedErr == nil {
			section, err = named, nil
		}
	}
	switch {
	case err != nil:
		return v, fmt.Errorf("%s: has no profile %q", path, profile)
	case section.HasKey("credential_process"):
		return v, fmt.Errorf("%s: names a program, credential_process, and gradseal starts none: put its keys into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", path)
	}
	return credentials.Value{
		AccessKeyID:     section.Key("aws_access_key_id").String(),
		SecretAccessKey: section.Key("aws_secret_access_key").String(),
		SessionToken:    section.Key("aws_session_token").String(),
		SignerType:      credentials.SignatureV4,
	}, nil
}
