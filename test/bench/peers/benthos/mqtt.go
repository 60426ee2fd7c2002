package main

import (
	"context"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// How many messages may wait between the client and the pipeline: the broker's window.
const window = 1000

func init() {
	spec := service.NewConfigSpec().
		Summary("QoS 1 with a session that outlives the process; a message is acknowledged when the output has delivered it.").
		Field(service.NewStringField("url")).
		Field(service.NewStringField("client_id")).
		Field(service.NewStringField("topic"))
	err := service.RegisterInput("mqtt", spec, func(conf *service.ParsedConfig, _ *service.Resources) (service.Input, error) {
		input := &mqttInput{}
		var err error
		if input.url, err = conf.FieldString("url"); err != nil {
			return nil, err
		}
		if input.clientID, err = conf.FieldString("client_id"); err != nil {
			return nil, err
		}
		if input.topic, err = conf.FieldString("topic"); err != nil {
			return nil, err
		}
		// What the output could not deliver goes through the pipeline again, and stays unacknowledged until then.
		return service.AutoRetryNacks(input), nil
	})
	if err != nil {
		panic(err)
	}
}

type mqttInput struct {
	url, clientID, topic string

	mutex    sync.Mutex
	client   mqtt.Client
	messages chan mqtt.Message
	lost     chan struct{}
}

func (input *mqttInput) Connect(context.Context) error {
	messages := make(chan mqtt.Message, window)
	lost := make(chan struct{})
	var once sync.Once
	options := mqtt.NewClientOptions().
		AddBroker(input.url).
		SetClientID(input.clientID).
		SetCleanSession(false).
		// Delivered first, acknowledged then: nothing is lost with the process.
		SetAutoAckDisabled(true).
		// The engine connects anew by itself.
		SetAutoReconnect(false).
		SetConnectTimeout(10 * time.Second).
		SetConnectionLostHandler(func(mqtt.Client, error) { once.Do(func() { close(lost) }) }).
		// What the broker has for the session may come before the subscription is told again.
		SetDefaultPublishHandler(func(_ mqtt.Client, message mqtt.Message) {
			select {
			case messages <- message:
			case <-lost:
			}
		})
	client := mqtt.NewClient(options)
	if token := client.Connect(); token.Wait() && token.Error() != nil {
		return token.Error()
	}
	input.mutex.Lock()
	input.client, input.messages, input.lost = client, messages, lost
	input.mutex.Unlock()
	// Not waited for: the answer comes behind what the session has kept, and that has to be read first.
	go func() {
		if token := client.Subscribe(input.topic, 1, nil); token.Wait() && token.Error() != nil {
			client.Disconnect(0)
			once.Do(func() { close(lost) })
		}
	}()
	return nil
}

func (input *mqttInput) Read(ctx context.Context) (*service.Message, service.AckFunc, error) {
	input.mutex.Lock()
	messages, lost := input.messages, input.lost
	input.mutex.Unlock()
	if messages == nil {
		return nil, nil, service.ErrNotConnected
	}
	select {
	case message := <-messages:
		return service.NewMessage(message.Payload()), func(_ context.Context, failure error) error {
			if failure == nil {
				message.Ack()
			}
			return nil
		}, nil
	case <-lost:
		return nil, nil, service.ErrNotConnected
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

func (input *mqttInput) Close(context.Context) error {
	input.mutex.Lock()
	defer input.mutex.Unlock()
	if input.client != nil {
		input.client.Disconnect(250)
		input.client = nil
	}
	return nil
}
