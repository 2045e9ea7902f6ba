package database_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"causeway/database"
	"causeway/database/databasetest"
)

func TestOpenExisting(t *testing.T) {
	t.Parallel()
	databasetest.EachURI(t, func(t *testing.T, uri string) {
		db, err := database.Open(t.Context(), uri) // as the bridge that runs
		require.NoError(t, err)
		defer func() { _ = db.Close() }()
		beside, err := database.OpenExisting(t.Context(), uri)
		require.NoError(t, err)
		require.NoError(t, beside.PutSetting(t.Context(), "beside", "yes"))
		value, err := db.Setting(t.Context(), "beside")
		require.NoError(t, err)
		require.Equal(t, "yes", value)
		require.NoError(t, beside.Close())
		for version, want := range map[string]error{"0": database.ErrOtherSchema, "1000": database.ErrNewerSchema} {
			_, err := db.Exec(t.Context(), `UPDATE version SET version=`+version)
			require.NoError(t, err)
			_, err = database.OpenExisting(t.Context(), uri)
			require.ErrorIs(t, err, want)
		}
		_, err = db.Exec(t.Context(), `DROP TABLE version`)
		require.NoError(t, err)
		_, err = database.OpenExisting(t.Context(), uri)
		require.ErrorIs(t, err, database.ErrOtherSchema)
		exists, err := db.TableExists(t.Context(), "version")
		require.NoError(t, err)
		require.False(t, exists, "nothing is changed")
	})
}

func TestOpenExistingMakesNoFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "causeway.db")
	_, err := database.OpenExisting(t.Context(), "sqlite:"+file)
	require.ErrorContains(t, err, "there is no file")
	_, err = os.Stat(file)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = database.OpenExisting(t.Context(), "mysql:x")
	require.ErrorContains(t, err, "must start with")
}
