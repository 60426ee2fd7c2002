// Benthos, the engine under Bento, with only the parts that the comparison needs: its pure processors, its HTTP client and an
// MQTT input (mqtt.go). The whole of a distribution is some hundred megabytes of connectors that nothing here uses.
package main

import (
	"context"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
)

func main() {
	service.RunCLI(context.Background())
}
